/** How often one address may have an isolate ask for a session that it does not know. */

import { keepNewest } from "../../../../shared/bounded.ts";
import { MAX_ASKS_PER_PERIOD, MAX_KNOWN_ADDRESSES, PERIOD_SECONDS } from "../../../../shared/limits.ts";

export class AskLimit {
  readonly #asked = new Map<string, { since: number; count: number }>();

  /** @param now milliseconds. False: it has to wait */
  allows(address: string, now: number): boolean {
    const known = this.#asked.get(address);
    if (!known || now - known.since >= PERIOD_SECONDS * 1000) {
      keepNewest(this.#asked, address, { since: now, count: 1 }, MAX_KNOWN_ADDRESSES);
      return true;
    }
    return ++known.count <= MAX_ASKS_PER_PERIOD;
  }
}

/** The caller's address; of IPv6 its network, since a customer has as many addresses as it likes. */
export function addressOf(headers: Headers): string {
  const address = headers.get("CF-Connecting-IP") ?? "";
  return address.includes(":") ? address.split(":").slice(0, 4).join(":") : address;
}
