/** A server whose certificate is not good may be another server: nothing is sent to it. Says what is wrong with it, and what to do. */

import { fail, type Failure } from "./outcome.ts";

const TIME = "Check this machine's clock. If it is right, only the server's operator can help.";
const AUTHORITY = "If it is an authority of your own network, name its certificate in SSL_CERT_FILE. Otherwise do not trust the server.";
const NAME = "Check the address. If it is right, only the server's operator can help.";

/** What Node reports (OpenSSL's words for its verification results), why the certificate is refused, and what to do. */
const REASONS: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  CERT_HAS_EXPIRED: ["has expired", TIME],
  CERT_NOT_YET_VALID: ["is not valid yet", TIME],
  ERR_TLS_CERT_ALTNAME_INVALID: ["is for another name", NAME],
  HOSTNAME_MISMATCH: ["is for another name", NAME],
  DEPTH_ZERO_SELF_SIGNED_CERT: ["is signed by itself, not by an authority", AUTHORITY],
  SELF_SIGNED_CERT_IN_CHAIN: ["comes from an authority that is not trusted here", AUTHORITY],
  UNABLE_TO_GET_ISSUER_CERT: ["comes from an authority that is not known here", AUTHORITY],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ["comes from an authority that is not known here", AUTHORITY],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ["comes from an authority that is not known here", AUTHORITY],
  CERT_UNTRUSTED: ["comes from an authority that is not trusted here", AUTHORITY],
  CERT_REVOKED: ["was revoked", NAME],
  INVALID_PURPOSE: ["is not for a server", NAME],
};

/** @returns undefined if the error is another one */
export function certificateRefused(error: Error & { code?: string }, host: string): Failure | undefined {
  const [why, hint] = REASONS[error.code ?? ""] ?? [];
  if (why === undefined) return undefined;
  return fail("certificate_refused", `The certificate of ${host} ${why}. Nothing was sent.`, {
    ...(hint !== undefined && { hint }),
    retryable: false,
    details: { host, reason: error.code },
  });
}
