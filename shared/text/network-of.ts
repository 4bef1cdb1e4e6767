/** Which network an address is of, for counting callers. */

/** The network of an address: an IPv6 customer has 2^64 addresses, and is counted as one. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  if (address.includes(".")) return address.slice(address.lastIndexOf(":") + 1); // ::ffff:192.0.2.1 is IPv4
  const [left = "", right] = address.split("::");
  const [head, tail] = [left, right ?? ""].map((part) => (part === "" ? [] : part.split(":")));
  const zeros = right === undefined ? 0 : 8 - (head?.length ?? 0) - (tail?.length ?? 0);
  const groups = [...(head ?? []), ...Array<string>(Math.max(zeros, 0)).fill("0"), ...(tail ?? [])];
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(":")}::/64`;
}
