/** Lists the requests of this machine in pages, and the files among them that cannot be read. */

import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { unixNow } from "../../shared/time.ts";
import { AGENT_RULES, type AgentRule } from "../records/agent-rules.ts";
import { look, requestsInInbox } from "../records/inbox.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_LISTED } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { type Purchase, purchaseOf, type PurchaseState, purchaseSchema, purchaseView } from "./purchase.ts";
import { withRefunds } from "./with-refunds.ts";

const LIMIT = `must be a whole number, 1 to ${MAX_LISTED}`;

export const pageFields = {
  limit: z.coerce
    .number(LIMIT)
    .int(LIMIT)
    .min(1, LIMIT)
    .max(MAX_LISTED, LIMIT)
    .optional()
    .meta({ value: "n", description: `how many at most, up to ${MAX_LISTED}` }),
  cursor: z
    .string()
    .refine((word) => digestSchema.safeParse(word).success, "must be the nextCursor of the page before")
    .optional()
    .meta({ description: "the nextCursor of the page before: list what comes after it" }),
};

export const listSchema = z.strictObject({
  requests: z.array(purchaseSchema),
  /** One sentence per file that should be a request and cannot be read. */
  unreadable: z.array(z.string()),
  /** How many requests on this page's way are not listed, because their agent is muted or blocked. */
  hidden: z.record(z.enum(AGENT_RULES), z.number()).optional(),
  /** The list is cut: there is more, behind this cursor. */
  nextCursor: z.string().optional(),
});
export type PurchaseList = z.infer<typeof listSchema>;

export interface Page {
  state?: PurchaseState | undefined;
  /** Only the requests of this agent. */
  agentKey?: string | undefined;
  /** The owner's rules: they hide requests, unless `all` is set and only says them. */
  rules?: ReadonlyMap<string, AgentRule> | undefined;
  all?: boolean;
  limit?: number | undefined;
  cursor?: string | undefined;
}

/** One page, newest first. A request that arrives between two pages moves none of the others. */
export async function listPurchases(context: Context, page: Page = {}): Promise<Outcome<PurchaseList>> {
  const { state, agentKey, rules, all = false, limit = MAX_LISTED, cursor } = page;
  const digests = requestsInInbox(context);
  if (!digests.ok) return digests;
  const before = cursor === undefined ? -1 : digests.data.indexOf(cursor as Digest);
  if (cursor !== undefined && before === -1)
    return fail("usage", "The request that the cursor names has left the inbox.", { hint: "List from the start, without a cursor." });
  const now = unixNow();
  const list: PurchaseList = { requests: [], unreadable: [] };
  const hidden = { muted: 0, blocked: 0 };
  const listed = (more: Partial<PurchaseList>): Outcome<PurchaseList> => {
    const requests = withRefunds(context, list.requests);
    if (!requests.ok) return requests;
    return succeed({ ...list, requests: requests.data, ...(hidden.muted + hidden.blocked > 0 && { hidden }), ...more });
  };
  let last = cursor;
  for (const digest of digests.data.slice(before + 1)) {
    const purchase = await purchaseIn(context, digest, now);
    const key = purchase.ok ? purchase.data.request.agent.publicKey : undefined;
    if (purchase.ok && state !== undefined && purchase.data.state !== state) continue;
    if (agentKey !== undefined && key !== agentKey) continue;
    const agentRule = key === undefined ? undefined : rules?.get(key);
    if (agentRule && !all) {
      hidden[agentRule]++;
      continue;
    }
    if (list.requests.length + list.unreadable.length === limit) return listed(last === undefined ? {} : { nextCursor: last });
    if (purchase.ok) list.requests.push({ ...purchaseView(purchase.data, now), ...(agentRule && { agentRule }) });
    else list.unreadable.push(purchase.error.message);
    last = digest;
  }
  return listed({});
}

/** A request of the inbox by its digest. */
export async function purchaseIn(context: Context, digest: Digest, now: number): Promise<Outcome<Purchase>> {
  const item = await look(context, digest);
  if (!item.ok) return item;
  if (item.data) return purchaseOf(context, item.data, now);
  return fail("invalid_file", `The inbox's request file ${digest}.request.json holds another request than its name says.`);
}
