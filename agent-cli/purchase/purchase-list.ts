/** Lists the requests of this machine, and the files among them that cannot be read. */
import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { unixNow } from "../../shared/time.ts";
import { look, requestsInInbox } from "../records/inbox.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { type Purchase, purchaseOf, type PurchaseState, purchaseSchema, purchaseView } from "./purchase.ts";

export const listSchema = z.strictObject({
  requests: z.array(purchaseSchema),
  /** One sentence per file that should be a request and cannot be read. */
  unreadable: z.array(z.string()),
});
export type PurchaseList = z.infer<typeof listSchema>;

export async function listPurchases(context: Context, state?: PurchaseState): Promise<Outcome<PurchaseList>> {
  const digests = requestsInInbox(context);
  if (!digests.ok) return digests;
  const now = unixNow();
  const list: PurchaseList = { requests: [], unreadable: [] };
  for (const digest of digests.data) {
    const purchase = await purchaseIn(context, digest, now);
    if (!purchase.ok) list.unreadable.push(purchase.error.message);
    else if (state === undefined || purchase.data.state === state) list.requests.push(purchaseView(purchase.data, now));
    if (list.requests.length === MAX_LISTED) break;
  }
  return succeed(list);
}

async function purchaseIn(context: Context, digest: Digest, now: number): Promise<Outcome<Purchase>> {
  const item = await look(context, digest);
  if (!item.ok) return item;
  if (item.data) return purchaseOf(context, item.data, now);
  return fail("invalid_file", `The inbox's request file ${digest}.request.json holds another request than its name says.`);
}
