/** What a request costs at most, in one text. */

import type { RequestItem } from "../../../shared/desk/api.ts";

export function amountOf({ charged, session, price }: Pick<RequestItem, "charged" | "session" | "price">): string {
  return charged?.display ?? session?.deposit.display ?? price.display;
}
