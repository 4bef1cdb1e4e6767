/** A host name as Unicode, to look for imitations in it. Screens show the ASCII form. */

import { toUnicode } from "punycode/punycode.es6.js";

/** @param hostname as `URL` has it: lowercase ASCII, each non-Latin label as `xn--…` */
export function unicodeDomain(hostname: string): string {
  try {
    return toUnicode(hostname);
  } catch {
    return hostname; // a label that no Punycode encoder produces
  }
}
