/** How a merchant treats a decoy: it refuses, in the words of the protocol, and serves nothing. */

import * as z from "zod";
import { type Finding, right, skipped, wrong } from "../../shared/checklist/check.ts";
import { NETWORK, UPTO } from "../../shared/lez.ts";
import { MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import { isAmount } from "../../shared/protocol/amount.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { parseJson } from "../../shared/text/json.ts";
import { decodeHeader, PAYMENT_ERROR, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { type SettleResponse, settleResponseSchema } from "../../shared/x402/x402.ts";
import { isRedirect } from "../runtime/exchange.ts";
import { type ConformanceCheck, defects } from "./check.ts";
import { oldHeaders, storedByAnyCache } from "./headers.ts";
import type { Attempt, MerchantVisit } from "./merchant-visit.ts";
import { isServed, replyText } from "./probe.ts";
import { payeesOf, pricesOf, readTerms } from "./terms-read.ts";

type Answered = Attempt & { reply: { kind: "answer" } };
const isAnswered = (attempt: Attempt): attempt is Answered => attempt.reply.kind === "answer";
const NOTHING_SENT = skipped("there is no offer to accept, so nothing was sent");

/** For checks of all decoys, or of one kind. */
function onAttempts(defect: (attempt: Answered, visit: MerchantVisit) => string | undefined, kind?: Attempt["kind"]) {
  return (visit: MerchantVisit): Finding => {
    if (visit.attempts.length === 0) return NOTHING_SENT;
    const answered = visit.attempts.filter((attempt) => kind === undefined || attempt.kind === kind).filter(isAnswered);
    if (answered.length === 0) return skipped("none was answered");
    const found = answered.map((attempt) => ({ attempt, problem: defect(attempt, visit) })).filter(({ problem }) => problem !== undefined);
    return defects(
      found.map(({ attempt, problem }) => `with ${attempt.what}: ${problem}`),
      `${answered.length} tried, answered ${[...new Set(answered.map(({ reply }) => reply.status))].join(", ")}`,
    );
  };
}

const isAccepted = ({ reply }: Attempt) => (isServed(reply) ? `${replyText(reply)}, the resource was served` : undefined);

function receiptOf({ reply }: Answered): { header: string; receipt?: SettleResponse } | undefined {
  const header = reply.headers[PAYMENT_RESPONSE.toLowerCase()];
  if (header === undefined) return undefined;
  const read = decodeHeader(header, settleResponseSchema, MAX_FOREIGN_HEADER_BYTES);
  return { header, ...(read.ok && { receipt: read.value }) };
}

/** For checks of receipts, on responses that serve the resource for a decoy. */
function onReceipts(defect: (attempt: Answered, receipt: SettleResponse | undefined, visit: MerchantVisit) => string | undefined) {
  return (visit: MerchantVisit): Finding => {
    const given = visit.attempts.filter(isAnswered).filter(({ kind, reply }) => kind === "unsigned" && isServed(reply));
    if (given.length === 0) return skipped("no decoy was accepted, so there is no receipt to look at");
    const found = given.map((attempt) => defect(attempt, receiptOf(attempt)?.receipt, visit)).filter((problem) => problem !== undefined);
    return defects([...new Set(found)], `${given.length} looked at`);
  };
}

const HTTP_ERRORS = "x402 v2, HTTP: Error Handling";
const RECEIPT = "x402 v2 §5.3.2";

export const PAYMENT_CHECKS: readonly ConformanceCheck<MerchantVisit>[] = [
  {
    id: "payment.answered",
    title: "every payment, good or bad, gets a response",
    clause: HTTP_ERRORS,
    severity: "fail",
    change: "Respond in bounded time, and never close the connection on a payment. A buyer without a response cannot know whether it paid.",
    active: true,
    judge({ attempts }) {
      if (attempts.length === 0) return NOTHING_SENT;
      const silent = attempts.filter(({ reply }) => reply.kind === "silence");
      const answered = attempts.filter(isAnswered);
      if (silent.length + answered.length === 0) return skipped(attempts.map(({ reply }) => replyText(reply))[0] ?? "nothing was sent");
      return defects(
        silent.map(({ what, reply }) => `with ${what}: ${replyText(reply)}`),
        `${answered.length} answers`,
      );
    },
  },
  {
    id: "payment.malformed-refused",
    title: "a malformed payment buys nothing",
    clause: HTTP_ERRORS,
    severity: "fail",
    change: "Parse PAYMENT-SIGNATURE with a schema, and refuse what does not fit before anything else happens.",
    active: true,
    judge: onAttempts(isAccepted, "malformed"),
  },
  {
    id: "payment.malformed-400",
    title: "a malformed payment is answered 400",
    clause: HTTP_ERRORS,
    severity: "warn",
    change: "Answer 400, as x402 says, so that a client with a bug is not asked to pay again.",
    active: true,
    judge: onAttempts(({ reply }) => (reply.status === 400 || isServed(reply) ? undefined : replyText(reply)), "malformed"),
  },
  {
    id: "payment.unsigned-refused",
    title: "a payment without a signature buys nothing",
    clause: "x402 v2 §6 (Verification Steps)",
    severity: "fail",
    change: "Let the facilitator verify or settle every payment before the handler's response leaves.",
    active: true,
    judge: onAttempts(isAccepted, "unsigned"),
  },
  {
    id: "payment.unsigned-402",
    title: "a payment that does not verify is answered 402",
    clause: HTTP_ERRORS,
    severity: "warn",
    change: "Answer 402 with the terms again and the reason in error.",
    active: true,
    judge: onAttempts(({ reply }) => (reply.status === 402 || isServed(reply) ? undefined : replyText(reply)), "unsigned"),
  },
  {
    id: "payment.tampered-refused",
    title: "a payment that accepts terms that were not offered buys nothing",
    clause: "x402 v2 §5.2.2 (accepted)",
    severity: "fail",
    change: "Compare every member of accepted with your own offer. Pass your own offer to the facilitator, never the client's.",
    active: true,
    judge: onAttempts(isAccepted, "tampered"),
  },
  {
    id: "payment.no-crash",
    title: "no payment, good or bad, causes a server error",
    clause: HTTP_ERRORS,
    severity: "fail",
    change: "Refuse bad payments with 400 or 402. A 5xx tells the buyer that the outcome is unknown.",
    active: true,
    judge: onAttempts(({ reply }) => (reply.status >= 500 ? replyText(reply) : undefined)),
  },
  {
    id: "payment.no-redirect",
    title: "a request with a payment is never redirected",
    clause: "spec/protocol.md §9",
    severity: "fail",
    change: "Publish the final address. Clients that follow a redirect would hand the payment to another server.",
    active: true,
    judge: onAttempts(({ reply }) => (isRedirect(reply.status) ? `${reply.status} to ${quote(reply.headers["location"])}` : undefined)),
  },
  {
    id: "payment.fresh-terms",
    title: "the response to a refused payment has the terms",
    clause: "x402 v2, HTTP: Payment Required Signaling",
    severity: "warn",
    change: "Send PAYMENT-REQUIRED with every 402 that refuses a payment before settlement.",
    active: true,
    judge: onAttempts(({ reply }) =>
      reply.status === 402 && reply.headers["payment-required"] === undefined ? "402 without terms" : undefined,
    ),
  },
  {
    id: "payment.same-terms",
    title: "the terms in a refusal are the offered terms",
    clause: "x402 v2 §5.2.2 (accepted)",
    severity: "warn",
    change: "Keep price and payee between the 402 and the payment, or you refuse buyers who agreed to your terms.",
    active: true,
    judge: onAttempts(({ reply }, { terms }) => {
      const again = readTerms(reply);
      if (!again.terms) return undefined;
      if (pricesOf(again) !== pricesOf(terms)) return `another price, ${quote(JSON.parse(pricesOf(again)))}`;
      return payeesOf(again) === payeesOf(terms) ? undefined : `another payee, ${quote(JSON.parse(payeesOf(again)))}`;
    }),
  },
  {
    id: "payment.code",
    title: "a refusal has a code that programs can act on",
    clause: "x402 v2 §9",
    severity: "warn",
    change: "Put one code, as in insufficient_funds, into error of the terms or of the body. Sentences are for people.",
    active: true,
    judge: onAttempts((attempt) =>
      isServed(attempt.reply) || codeOf(attempt) !== undefined ? undefined : `${replyText(attempt.reply)} without a code`,
    ),
  },
  {
    id: "payment.receipt",
    title: "no refusal claims that money moved",
    clause: "x402 v2 §5.3.2",
    severity: "fail",
    change: "In a refusal, send a SettlementResponse with success false as PAYMENT-RESPONSE, or none at all if nothing was settled.",
    active: true,
    judge: onAttempts((attempt) => {
      const found = receiptOf(attempt);
      if (!found || isServed(attempt.reply)) return undefined;
      if (!found.receipt) return "a PAYMENT-RESPONSE that cannot be read";
      return found.receipt.success ? `${replyText(attempt.reply)} with a receipt that says success` : undefined;
    }),
  },
  {
    id: "payment.v1",
    title: "no response to a payment has a header of x402 version 1",
    clause: "x402 v2, HTTP: Settlement Response Delivery",
    severity: "warn",
    change: "Send the receipt as PAYMENT-RESPONSE. Buyers of version 2 do not read X-PAYMENT-RESPONSE.",
    active: true,
    judge: onAttempts(({ reply }) => oldHeaders(reply.headers)[0]),
  },
  {
    id: "payment.cache",
    title: "no response to a payment may be stored by a shared cache",
    clause: "RFC 9111 §3, RFC 9213 §2, spec/protocol.md §9",
    severity: "warn",
    change: "Send Cache-Control: private, no-store with every response to a payment, and no header that lets a CDN store it.",
    active: true,
    judge: onAttempts(({ reply: { headers } }) => storedByAnyCache(headers)[0]),
  },
  {
    id: "payment.head",
    title: "HEAD with a bad payment is not served",
    clause: "RFC 9110 §9.3.2, spec/protocol.md §9",
    severity: "warn",
    change: "Guard HEAD like GET, and never charge for it.",
    active: true,
    judge: ({ headWithPayment: head }) =>
      head.kind !== "answer" ? skipped(replyText(head)) : isServed(head) ? wrong(replyText(head)) : right(replyText(head)),
  },
  {
    id: "receipt.present",
    title: "a served resource comes with a readable receipt",
    clause: "x402 v2, HTTP: Settlement Response Delivery",
    severity: "fail",
    change: "Send PAYMENT-RESPONSE: base64 of the JSON SettlementResponse.",
    active: true,
    judge: onReceipts((_, receipt) => (receipt ? undefined : "no receipt that can be read")),
  },
  {
    id: "receipt.success",
    title: "a receipt says success, and names its transaction",
    clause: RECEIPT,
    severity: "fail",
    change: "Set transaction to the settlement's id. It is empty only if settlement failed, and then you serve nothing.",
    active: true,
    judge: onReceipts((_, receipt) => {
      if (!receipt) return undefined;
      if (!receipt.success) return "success is false";
      return receipt.transaction === "" ? "the transaction is empty" : undefined;
    }),
  },
  {
    id: "receipt.network",
    title: "a receipt names the network of the offer",
    clause: RECEIPT,
    severity: "fail",
    change: "Set network to that of the accepted offer.",
    active: true,
    judge: onReceipts((_, receipt, { terms }) => {
      const offered = terms.offers[0]?.["network"];
      return receipt && receipt.network !== offered ? `network ${quote(receipt.network)}, offered ${quote(offered)}` : undefined;
    }),
  },
  {
    id: "receipt.payer",
    title: "a receipt names the account that paid, or none",
    clause: RECEIPT,
    severity: "fail",
    change: "Set payer to the account in the payment itself.",
    active: true,
    // A decoy for another network has no payer.
    judge: onReceipts((_, receipt, { payer }) =>
      receipt?.payer && receipt.network === NETWORK && receipt.payer !== payer.account ? `payer ${quote(receipt.payer)}` : undefined,
    ),
  },
  {
    id: "receipt.amount",
    title: "a receipt names the amount of the offer, of upto at most that, or none",
    clause: RECEIPT,
    severity: "fail",
    change: "Set amount to the settled amount in atomic units; under exact, that is the offer's, under upto no more.",
    active: true,
    judge: onReceipts((_, receipt, { terms }) => {
      const { amount: offered, scheme } = terms.offers[0] ?? {};
      const isLess =
        scheme === UPTO &&
        /^[0-9]{1,39}$/.test(receipt?.amount ?? "") &&
        isAmount(offered) &&
        BigInt(receipt?.amount ?? 0) <= BigInt(offered);
      return receipt?.amount && receipt.amount !== offered && !isLess
        ? `amount ${quote(receipt.amount)}, offered ${quote(offered)}`
        : undefined;
    }),
  },
];

const errorSchema = z.looseObject({ error: z.string() });

function codeOf({ reply }: Answered): string | undefined {
  const { terms } = readTerms(reply);
  const body = parseJson(reply.body, MAX_FOREIGN_HEADER_BYTES, errorSchema);
  const said = [reply.headers[PAYMENT_ERROR.toLowerCase()], terms?.["error"], body.ok && body.value.error];
  return said.filter((code) => typeof code === "string").find((code) => /^[A-Za-z0-9_]{1,64}$/.test(code));
}
