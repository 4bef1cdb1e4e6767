/** What a request costs at most, in one text. Money of the chain itself says so: the mock's has the same symbol. */

import type { RequestItem } from "../../../shared/desk/api.ts";
import { isNativeNetwork } from "../../../shared/lez.ts";

export function amountOf({ charged, session, price, network }: Pick<RequestItem, "charged" | "session" | "price" | "network">): string {
  const { display } = charged ?? session?.deposit ?? price;
  return isNativeNetwork(network) ? `${display} on ${network}` : display;
}
