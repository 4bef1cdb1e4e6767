/** The headers of our pages in browsers: the desk and the explorer. */

/** No script, style, frame or connection but the page's own; nothing of it is kept by the browser, or told to another site. */
export const PAGE_HEADERS = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "Cache-Control": "no-store",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(), publickey-credentials-create=()",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
} as const;

/** The hosted desk's page also asks for passkeys, and has a worker that shows notices. */
export const DESK_HEADERS = {
  ...PAGE_HEADERS,
  // `desk-worker`: the only script address that the page makes is its worker's (workers/desk/page/hosted/push.ts).
  "Content-Security-Policy": `${PAGE_HEADERS["Content-Security-Policy"].replace("trusted-types 'none'", "trusted-types desk-worker")}; worker-src 'self'; manifest-src 'self'`,
  "Permissions-Policy": "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self), publickey-credentials-create=(self)",
} as const;
