/** Headers with which an answer tells a CDN to keep it. They outrank Cache-Control there. */

export const CDN_HEADERS: ReadonlySet<string> = new Set([
  "cdn-cache-control",
  "cloudflare-cdn-cache-control",
  "vercel-cdn-cache-control",
  "netlify-cdn-cache-control",
  "surrogate-control",
  "edge-control",
  "x-accel-expires",
  "expires",
]);
