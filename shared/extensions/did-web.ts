/** Names of keys under a host's own did:web (https://w3c-ccg.github.io/did-method-web/). */

/**
 * Returns the fragment of a DID URL under this host's own DID. A bare `#key` is relative to its document, and names no other
 * host.
 * @param host as `URL.host` has it: in lower case, with a port that is not the scheme's own
 */
export function nameUnder(host: string, didUrl: string): { fragment?: string } | undefined {
  const [did = "", fragment, ...rest] = didUrl.split("#");
  if (rest.length > 0 || (did === "" ? !fragment : hostOf(did) !== host)) return undefined;
  return fragment ? { fragment } : {};
}

/** `127.0.0.1:8787` of `did:web:127.0.0.1%3A8787`. A did:web with a path is not a whole host's. */
export function hostOf(did: string): string | undefined {
  const [, name] = /^did:web:([^:#/?]+)$/.exec(did) ?? [];
  try {
    return name && decodeURIComponent(name).toLowerCase();
  } catch {
    return undefined;
  }
}
