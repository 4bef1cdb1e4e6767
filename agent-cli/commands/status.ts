/** `status`: a payment's outcome, as far as the facilitator's answer can be believed. */

import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { ASSET, UPTO, isNativeNetwork } from "../../shared/lez.ts";
import { parseAccountId } from "../../shared/protocol/account.ts";
import { exactPayloadSchema } from "../../shared/protocol/exact-payload.ts";
import { type PaymentWords, wordsOfNative } from "../../shared/protocol/native-payment.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import { checkShape } from "../../shared/text/json.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { defineCommand } from "../command-line/command.ts";
import { facilitatorFields, type FacilitatorInput } from "../facilitator/client.ts";
import { refundsReceived } from "../facilitator/refunds-received.ts";
import { askSettlement } from "../facilitator/settlement-status.ts";
import { CALL_CONCLUSIONS, calledInLines, calledInSchema, callStatus } from "../purchase/call-status.ts";
import { concludeAsTold } from "../purchase/conclude.ts";
import { findCall } from "../purchase/find-call.ts";
import { findInInbox, namesFile, paymentOrCallField } from "../purchase/find-request.ts";
import { paidTransaction } from "../purchase/payment-identifier.ts";
import { authorizationOf, findPayment, paymentKey } from "../records/payment-journal.ts";
import { noteRefunds } from "../records/refunds-known.ts";
import { sessionOfRequest } from "../records/sessions.ts";
import { type Context, warn } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { readJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { type Money, moneySchema } from "../runtime/money.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";

const WORDS: Record<(typeof CALL_CONCLUSIONS)[number], string> = {
  paid: "It was paid.",
  not_paid: "It was not paid, and never will be.",
  open: "It has not been paid, and still can be.",
  not_known: "It is unknown whether it was paid.",
  served: "It was served in a session, and the merchant has not claimed it yet: nothing has moved.",
};

const statusSchema = z.strictObject({
  conclusion: z.enum(CALL_CONCLUSIONS),
  /** Who says so: the facilitator, or, where it does not know the payment, this machine's payment journal. */
  source: z.enum(["facilitator", "journal"]),
  said: z.string().optional(),
  facilitator: z.string().optional(),
  ledger: z.string().optional(),
  payer: z.string(),
  /** Of a payment on the chain itself. */
  network: z.string().optional(),
  /** Absent of a call that a session paid. */
  nonce: z.string().optional(),
  session: calledInSchema.optional(),
  transaction: z.string().optional(),
  /** Of scheme `upto`, paid, and of a call in a session: what was charged, and the most that was signed. */
  charged: moneySchema.optional(),
  most: moneySchema.optional(),
  /** Of the payment's presentations from this machine. */
  trace: z.string().optional(),
  doubt: z.string().optional(),
  /** What the payer's own journal says was given back, if anything was. */
  refunded: moneySchema.optional(),
  refunds: z.array(z.strictObject({ transaction: z.string(), amount: moneySchema, at: z.string() })).optional(),
});
type Payment = z.infer<typeof statusSchema>;

export const status = defineCommand({
  name: "status",
  audience: "both",
  tool: { title: "Ask whether a payment was made", idempotent: true, openWorld: true },
  summary: "whether a payment was made",
  description:
    'Asks the facilitator. A payment that this machine knows to be paid stays paid if the facilitator does not know it. "Paid" is checked against what was signed. "Never will be paid" is believed only from the facilitator in the configuration file, and only for the ledger that was signed: believing it wrongly would pay twice.',
  input: z.strictObject({
    payment: paymentOrCallField,
    ...facilitatorFields,
  }),
  output: statusSchema,
  examples: [
    { says: "of a request on this machine", argv: "status 7F3K-9QPD" },
    { says: "of a payment's file, at another facilitator", argv: "status payment-payload.json --facilitator-url https://pay.example.com" },
  ],
  async run(context, input) {
    const call = await findCall(context, input.payment);
    if (!call.ok) return call;
    if (call.data) return callStatus(context, input, call.data);
    const found = await outcomeOf(context, input);
    if (!found.ok || found.data.conclusion !== "paid" || found.data.network !== undefined) return found;
    return succeed({ ...found.data, ...(await refundsOf(context, input, found.data)) });
  },
  render: (data, layout) => [
    data.source === "journal" ? `${WORDS[data.conclusion]} The payment journal of this machine says so.` : WORDS[data.conclusion],
    ...(data.doubt === undefined ? [] : field(layout, "but", showUnsafe(data.doubt))),
    ...(data.said === undefined ? [] : field(layout, "it says", data.said)),
    ...(data.facilitator === undefined ? [] : field(layout, "facilitator", data.facilitator, 13)),
    ...(data.ledger === undefined ? [] : field(layout, "ledger", data.ledger)),
    ...field(layout, "payer", data.payer),
    ...(data.transaction ? field(layout, "transaction", data.transaction, 13) : []),
    ...(data.session ? calledInLines(data.session, layout) : []),
    ...(data.most && (data.conclusion === "paid" || data.session) ? field(layout, "charged", chargedText(data.charged, data.most)) : []),
    ...(data.refunded ? field(layout, "refunded", `${data.refunded.display}, as the payer's journal says`) : []),
    ...(data.trace ? field(layout, "trace", data.trace) : []),
  ],
});

async function outcomeOf(context: Context, input: FacilitatorInput & { payment: string }): Promise<Outcome<Payment>> {
  const authorization = await authorizationFor(context, input.payment);
  if (!authorization.ok) return authorization;
  const { from: payer, native } = authorization.data;
  const nonce = native?.nonce ?? authorization.data.nonce;
  const record = findPayment(context, paymentKey(authorization.data));
  if (!record.ok) return record;
  context.trace.adopt(record.data?.trace);
  const { scheme, value, asset } = authorization.data;
  const about = {
    payer,
    ...(native && { network: authorization.data.network }),
    nonce,
    ...(scheme === UPTO && { most: money(value, asset) }),
    ...(record.data?.trace && { trace: record.data.trace }),
  };
  const chargedAs = (charged: string | undefined) => (charged === undefined ? {} : { charged: money(charged, asset) });
  const answer = await askSettlement(context, input, authorization.data);
  const known = paidTransaction(context, { authorization: authorization.data });
  if (known !== undefined && (answer.ok ? answer.data.conclusion !== "paid" : answer.exit !== EXIT.interrupted)) {
    const { charged: _, ...told } = answer.ok ? answer.data : {};
    const asked = answer.ok ? { doubt: `the facilitator says "${answer.data.said}"`, ...told } : { doubt: answer.error.message };
    const journal = { conclusion: "paid" as const, source: "journal" as const, ...about, ...chargedAs(record.data?.charged) };
    return succeed({ ...asked, ...journal, transaction: known });
  }
  if (!answer.ok) return answer;
  const { charged, ...answered } = answer.data;
  const { conclusion, said, doubt, transaction } = answered;
  const written =
    conclusion === "paid" && transaction !== undefined
      ? await concludeAsTold(context, authorization.data, { state: "settled", transaction, charged })
      : conclusion === "not_paid"
        ? await concludeAsTold(context, authorization.data, { state: "refused", code: said })
        : succeed(undefined);
  if (!written.ok) return written;
  const data = { ...answered, source: "facilitator" as const, ...about, ...chargedAs(charged) };
  if (conclusion !== "not_known") return succeed(data);
  return fail(
    "outcome_unknown",
    `The facilitator says "${said}"${doubt ? `, which is not believed: ${doubt}` : ""}. It is unknown whether it was paid.`,
    {
      hint: "Do not pay again. Name the ledger's own facilitator in the configuration file, or ask the merchant.",
      details: data,
    },
  );
}

/** What the payer's books say, if this machine may read them. A merchant is not asked. */
async function refundsOf(context: Context, input: FacilitatorInput, { payer, transaction }: Payment) {
  const account = parseAccountId(payer);
  const all = account.ok ? await refundsReceived(context, input, account.account) : undefined;
  const own = all?.ok ? all.data.filter(({ refundOf }) => refundOf === transaction) : [];
  if (own.length === 0) return {};
  const noted = await noteRefunds(context, own);
  if (!noted.ok) warn(context, `The refund was not recorded here: ${noted.error.message}`);
  const sum = own.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  return {
    refunded: money(sum.toString(), ASSET),
    refunds: own.map(({ transaction, amount, at }) => ({ transaction, amount: money(amount, ASSET), at })),
  };
}

function chargedText(charged: Money | undefined, most: Money): string {
  return charged ? `${charged.display} of at most ${most.display}` : `not known: at most ${most.display}`;
}

/** A session is no payment: the ledger knows it by its id. */
function ofSession(context: Context, digest: Digest): Failure {
  const session = sessionOfRequest(context, digest);
  const code = session.ok && session.data ? session.data.shortCode : undefined;
  return fail("usage", "This request asked for a session, which is no single payment.", {
    ...(code !== undefined && {
      next: { argv: ["lez-agent-pay", "session", "show", code], by: "agent" as const, why: "see where the session stands" },
    }),
  });
}

async function authorizationFor(context: Context, word: string): Promise<Outcome<PaymentWords>> {
  if (namesFile(context, word)) {
    const payload = readJson(word, paymentPayloadSchema, { what: "payment payload", named: true }, context.files.read);
    if (!payload.ok) return payload;
    // Read, not verified: expired payments are looked up, too.
    const native = isNativeNetwork(payload.data.accepted.network) ? wordsOfNative(payload.data) : undefined;
    if (native) return succeed(native);
    const exact = checkShape(payload.data.payload, exactPayloadSchema);
    return exact.ok ? succeed(exact.value.authorization) : fail("invalid_file", `"${word}" is not a payment payload: ${exact.problem}.`);
  }
  // The payment journal has every payment presented here, wherever its request was made.
  const digest = digestSchema.safeParse(word);
  const presented = digest.success ? findPayment(context, digest.data) : succeed(undefined);
  if (!presented.ok) return presented;
  if (presented.data) return succeed(authorizationOf(presented.data.payload));
  const item = await findInInbox(context, word);
  if (!item.ok) return item;
  if (item.data.request.payment.session) return ofSession(context, item.data.digest);
  const record = findPayment(context, item.data.digest);
  if (!record.ok) return record;
  const payload = record.data?.payload ?? item.data.payment;
  if (payload) return succeed(authorizationOf(payload));
  return fail("request_not_found", "This request has no payment yet: there is nothing to look up.", {
    hint: `lez-agent-pay request show ${word}`,
  });
}
