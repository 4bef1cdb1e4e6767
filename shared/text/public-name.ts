/** Which names may be hosts of the public internet. */

/** The names of a machine and its network (RFC 6761, RFC 6762 with its appendix G, RFC 8375, `.internal` of ICANN), and those of no host. */
const RESERVED = /(^|\.)(localhost|localdomain|local|lan|home|corp|intranet|private|internal|arpa|test|invalid|onion)$/;

/**
 * Whether a host may be on the public internet: a name with a dot, and no address. What a name resolves to is not known here; the platform
 * reaches no private network.
 * @param hostname as the URL parser writes it
 */
export function isPublicName(hostname: string): boolean {
  const name = hostname.replace(/\.$/, "");
  return /\.[^.]*[a-z][^.]*$/.test(name) && !name.startsWith("[") && !RESERVED.test(name);
}

/** Hosts of this machine, as the URL parser writes them, whatever the form that was typed. */
export function isLoopbackName(hostname: string): boolean {
  return /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/.test(hostname);
}
