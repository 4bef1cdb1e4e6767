/** Lists a sold route in the facilitator's catalogue. A seller that is found nowhere sells all the same: what fails here is tried an hour later. */

import { keepNewest } from "../../../shared/bounded.ts";
import { BAZAAR } from "../../../shared/extensions/bazaar.ts";
import { CATALOGUE_REFRESH_SECONDS, MAX_FRESH_ENTRIES } from "../../../shared/limits.ts";
import { unixNow } from "../../../shared/time.ts";
import { keepAlive } from "./keep-alive.ts";
import type { PaidRequest } from "./types.ts";

/** When this isolate last listed a route. */
const listedAt = new Map<string, number>();

/** Called for each settlement; tells the facilitator once an hour, and once the answer is on its way. */
export function listSold({ c, presented, challenge, facilitator }: PaidRequest): void {
  const { resource, extensions } = challenge.required;
  const said = extensions?.[BAZAAR] as { routeTemplate?: string } | undefined;
  if (!said || !facilitator.list) return;
  const { origin, pathname } = new URL(resource.url);
  const route = `${challenge.request.method} ${origin}${said.routeTemplate ?? pathname} ${presented.offer.payTo}`;
  const now = unixNow();
  if (now - (listedAt.get(route) ?? -Infinity) < CATALOGUE_REFRESH_SECONDS) return;
  keepNewest(listedAt, route, now, MAX_FRESH_ENTRIES);
  const soon = new Promise<void>((resolve) => setTimeout(resolve));
  keepAlive(
    c,
    soon.then(() => facilitator.list?.(presented)).catch(() => undefined),
  );
}
