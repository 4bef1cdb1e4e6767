/** The client of a merchant's register of sales. What it says is the merchant's own word. */

import * as z from "zod";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { errorBody, isErrorCode } from "../../shared/errors.ts";
import { MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import { type AccountId, accountIdSchema } from "../../shared/protocol/account.ts";
import { amountSchema } from "../../shared/protocol/amount.ts";
import type { SignedSaleDelivery } from "../../shared/protocol/sale-delivery.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { parseJson } from "../../shared/text/json.ts";
import { readHeader } from "../keys/books-access.ts";
import { interrupted } from "../prompts/prompts.ts";
import type { Context } from "../runtime/context.ts";
import { exchange } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { MAX_RECORD_TEXT_LENGTH, MAX_REGISTER_PAGES } from "../runtime/limits.ts";
import { fail, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";

const PATH = "/.well-known/paywall-sales";

const word = z.string().max(MAX_RECORD_TEXT_LENGTH);
const recordSchema = z.looseObject({
  transaction: digestSchema,
  route: word,
  paymentId: word.optional(),
  status: z.enum(["delivered", "owed", "pending"]),
  payer: accountIdSchema,
  amount: amountSchema,
  /** Absent: our ledger. */
  network: word.optional(),
  /** Of goods that were not delivered in time, on a route that gives their money back. */
  refund: z.looseObject({ state: word, code: word.optional() }).optional(),
});
export type RegisterEntry = z.infer<typeof recordSchema>;
const pageSchema = z.looseObject({ sales: z.array(recordSchema), next: z.optional(digestSchema) });
const reopenedSchema = z.looseObject({ transaction: digestSchema, route: word, payer: accountIdSchema, until: z.int().nonnegative() });
const refusalSchema = z.looseObject({
  error: z.string(),
  problem: z.looseObject({ detail: z.string().optional() }).optional().catch(undefined),
});

/** Whose sales, at which merchant. `key`: the merchant's own operator key, if that is what opens it. `facilitator`: where the access to the account's books counts, without a slash at the end. */
export interface Register {
  /** The merchant's origin. */
  merchant: string;
  facilitator: string;
  payee: AccountId;
  key?: Secret | undefined;
}

/** All sales of one day. @param day its first second, in unix seconds */
export async function readRegister(
  context: Context,
  { merchant, facilitator, payee, key }: Register,
  day: number,
): Promise<Outcome<RegisterEntry[]>> {
  const sales: RegisterEntry[] = [];
  let next: Digest | undefined;
  for (let pages = 0; pages < MAX_REGISTER_PAGES; pages++) {
    const path = `${PATH}?payee=${payee}&day=${day}${next === undefined ? "" : `&after=${next}`}`;
    const read = key ? succeed(bearer(key)) : await readHeader(context, { facilitator, account: payee }, { method: "GET", path });
    if (!read.ok) return read;
    const headers: [string, string][] = read.data === undefined ? [] : [["authorization", read.data]];
    const page = await ask(context, { method: "GET", url: `${merchant}${path}`, headers }, pageSchema);
    if (!page.ok) return page;
    // The account's journal is our ledger's: sales on another network are neither in it nor in a sum of it.
    sales.push(...page.data.sales.filter(({ network }) => network === undefined));
    ({ next } = page.data);
    if (next === undefined) break;
  }
  return succeed(sales);
}

function bearer(key: Secret): string {
  return `Bearer ${Buffer.from(key.reveal()).toString()}`;
}

/** Orders the merchant to serve a sale again. @param day that of its payment */
export function orderDelivery(context: Context, merchant: string, signed: SignedSaleDelivery, day: number) {
  const body = utf8(JSON.stringify({ ...signed, day: String(day) }));
  return ask(context, { method: "POST", url: `${merchant}${PATH}`, headers: [["content-type", "application/json"]], body }, reopenedSchema);
}

async function ask<Schema extends z.core.$ZodType>(
  context: Context,
  request: Parameters<typeof exchange>[1],
  schema: Schema,
): Promise<Outcome<z.core.output<Schema>>> {
  const { origin } = new URL(request.url);
  const answer = await exchange(context, request);
  if (!answer.ok) {
    if (context.io.signal.aborted) return interrupted();
    return answer.refused ?? fail("network", `The merchant at ${origin} could not be reached: ${answer.problem}.`);
  }
  if (answer.status !== 200) {
    const said = parseJson(answer.body, MAX_RESPONSE_BODY_BYTES, refusalSchema);
    if (!said.ok || !isErrorCode(said.value.error)) {
      return fail("unsupported", `The merchant at ${origin} keeps no register of sales that it shows: it answers ${answer.status}.`, {
        hint: 'Its Worker mounts one: app.route("/", paywallSales()), from lez-agent-pay/hono/sales.',
      });
    }
    const { error, problem } = said.value;
    const { message, hint, retryable } = errorBody(error).problem;
    const detail = problem?.detail === undefined ? "" : ` It says: ${quote(problem.detail)}`;
    const exit = error === "unauthorized" ? EXIT.notSetUp : retryable ? EXIT.busy : EXIT.differs;
    return refuse(error, exit, `The merchant at ${origin} refuses: ${error === "unauthorized" ? CLOSED : message}${detail}`, {
      hint:
        error === "unauthorized"
          ? "An access is made with the owner's passphrase: lez-agent-pay accounts. With the shop's own key: --merchant-key-file FILE"
          : hint,
      retryable,
    });
  }
  const parsed = parseJson(answer.body, MAX_RESPONSE_BODY_BYTES, schema);
  return parsed.ok ? succeed(parsed.value) : fail("network", `The merchant at ${origin} sent an unusable answer: ${parsed.problem}.`);
}

const CLOSED = "its register is open to the readers of the payee's books, and to the shop's own key.";
