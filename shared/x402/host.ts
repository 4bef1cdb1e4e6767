/** The host that a request names. RFC 9112 §3.2: more than one `Host` is answered with 400, because each hop could read another one. */

/** A runtime joins repeated headers with a comma, which is in no host. */
export function namesOneHost(headers: Headers): boolean {
  return !headers.get("Host")?.includes(",");
}
