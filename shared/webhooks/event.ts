/** What a merchant tells its seller by webhook. spec/webhooks.md has an example of each event. */

import * as z from "zod/mini";
import { utf8 } from "../crypto/bytes.ts";
import { bodyDigest } from "../crypto/digest.ts";
import { MAX_ROUTE_LENGTH } from "../limits.ts";
import { accountIdSchema } from "../protocol/account.ts";
import { timestampSchema } from "../time.ts";

/** What every event says of the money that moved. */
const movement = {
  transaction: z.string(),
  /** Paid, and was paid. In a refund the buyer is the payee. */
  payer: accountIdSchema,
  payee: accountIdSchema,
  /** Atomic units: what was charged, which may be 0 and less than was authorized. */
  amount: z.string().check(z.regex(/^(0|[1-9][0-9]{0,38})$/)),
  asset: z.string(),
  network: z.string(),
  /** The ledger that settled it; a facilitator of another operator need not name one. */
  ledger: z.optional(z.string()),
  /** Method and path, as in `GET /premium`: the buyer chose what a pattern leaves open. */
  route: z.optional(z.string().check(z.maxLength(MAX_ROUTE_LENGTH))),
  /** The trace of the request, as in the merchant's log. */
  traceId: z.optional(z.string()),
};

const sale = {
  ...movement,
  /** The `payment-identifier` that the buyer chose. */
  paymentId: z.optional(z.string()),
};

/** What becomes of the money of goods that did not go out. */
const undelivered = {
  ...sale,
  /**
   * On a route with `refund`. `automatic`: the money goes back unless the goods are fetched before. `owed`: the merchant cannot give it back
   * itself, for the reason in `code`, and the seller does. Later versions may know more states.
   */
  refund: z.optional(z.looseObject({ state: z.string(), code: z.optional(z.string()) })),
};

/** Members that a later version adds are kept. */
const eventOf = <Type extends string, Data extends z.core.$ZodLooseShape>(type: Type, data: Data) =>
  z.looseObject({
    type: z.literal(type),
    /** When it happened: RFC 3339 in UTC, whole seconds. */
    timestamp: timestampSchema,
    data: z.looseObject(data),
  });

export const webhookEventSchema = z.union([
  /** The money of a sale moved. */
  eventOf("payment.settled", sale),
  /** The money moved, and the goods did not go out: they are owed. */
  eventOf("payment.undelivered", undelivered),
  /** The merchant paid a sale back, whole or in part. `refundOf` is the transaction of the sale. */
  eventOf("payment.refunded", { ...movement, refundOf: z.string() }),
  /** A claim moved what calls in a session came to since the claim before it. `session` is the session's id. */
  eventOf("session.claimed", { ...movement, session: z.string() }),
]);

export type WebhookEvent = z.infer<typeof webhookEventSchema>;
export type WebhookType = WebhookEvent["type"];

/** The same for every message about one event, so that a receiver can tell repetitions. It has no full stop, as the specification asks. */
export function webhookId({ type, data }: WebhookEvent): string {
  // That a refund is owed is another event about the same payment.
  const { state } = (data["refund"] ?? {}) as { state?: unknown };
  const about = `${type} ${data.transaction}${state === "owed" ? " owed" : ""}`;
  return `msg_${bodyDigest(utf8(about)).slice(0, 32)}`;
}
