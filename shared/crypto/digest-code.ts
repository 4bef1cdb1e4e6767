/** The start of a digest as people compare it: Crockford's base32, four characters a group. */

import type { Digest } from "./digest.ts";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BITS = 5;
const GROUP = 4;

/** @param groups of 20 bits each */
export function digestCode(digest: Digest, groups: number): string {
  const length = groups * GROUP;
  const bits = BigInt(`0x${digest.slice(0, (groups * GROUP * BITS) / 4)}`);
  const code = Array.from({ length }, (_, i) => ALPHABET[Number((bits >> BigInt(BITS * (length - 1 - i))) & 31n)]).join("");
  return code.match(/.{4}/g)?.join("-") ?? "";
}
