/** The whole system, driven over HTTP from the 402 to the receipt, and through everything that must be refused. */
import * as z from "zod/mini";
import { displayAmount } from "../../shared/amount.ts";
import type { ExactPayload } from "../../shared/authorization.ts";
import { bytesToHex, randomBytes } from "../../shared/bytes.ts";
import { type DecisionRecord, isGenuineDecision, recordDecision } from "../../shared/decision.ts";
import { decodeHeader, encodeHeader, PAYMENT_ERROR, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE } from "../../shared/headers.ts";
import { checkPaymentRequest, requestDigest, shortCode } from "../../shared/payment-request.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { type PaymentPayload, type PaymentRequirements, paymentRequiredSchema, settleResponseSchema } from "../../shared/x402.ts";
import type { Context } from "../context.ts";
import type { Outcome } from "../outcome.ts";
import { approve, ask, createPeople, type People } from "./people.ts";
import type { Stack } from "./stack.ts";
import { Story, type StoryData } from "./story.ts";

const REASON = "I need the premium report to answer the question you asked me this morning.";

export async function tellHttpStory(context: Context, stack: Stack): Promise<Outcome<StoryData>> {
  const story = new Story(context, "Three Workers on loopback: a merchant, a facilitator, a ledger");
  const people = await createPeople();
  const premium = `${stack.merchant}/premium`;

  story.chapter("The owner has money, the agent has none");
  const funded = await fund(stack, people.owner.account);
  story.step("The faucet pays the owner's account test money.", "200", String(funded), {
    owner: people.owner.account,
    merchant: stack.payTo,
  });
  const before = await balances(stack, people);

  story.chapter("The agent asks, the owner approves, the merchant is paid");
  const offer = await termsOf(premium);
  story.step("The agent asks for the premium report without paying.", "402 payment_required", await answer(premium), {
    price: displayAmount(offer.amount),
    "paid to": offer.payTo,
    "valid for": `${offer.maxTimeoutSeconds} s after approval`,
  });
  const request = await ask(people.agent, { method: "GET", url: premium }, offer, REASON);
  const checked = await checkPaymentRequest(request, unixNow());
  story.step(
    "It writes a payment request with its reason. The owner's tool recomputes what the merchant bound it to.",
    "query+body",
    checked.ok ? checked.scope : checked.code,
    {
      reason: request.reason,
      code: shortCode(requestDigest(request)),
    },
  );
  const payment = await approve(people.owner, request);
  const paid = await send(premium, payment);
  story.step("The owner approves; the agent repeats its request with the signed payment.", "200", code(paid), {
    ...(await receiptOf(paid)),
    body: await paid.text(),
  });
  story.step("The same payment again buys nothing.", "402 nonce_replayed", code(await send(premium, payment)));
  const again = await approve(people.owner, request);
  story.step("Nor does a second approval of the same request.", "402 nonce_replayed", code(await send(premium, again)));

  story.chapter("The owner declines");
  const unwanted = await ask(
    people.agent,
    { method: "GET", url: premium },
    offer,
    "I would like to have the very same premium report once more.",
  );
  const decision = await decline(people, unwanted);
  story.step("A second request gets a signed no. There is nothing that could be sent.", "declined, genuine", await describe(decision), {
    code: decision.decision.code,
    note: decision.decision.note ?? "",
  });

  story.chapter("A payment says exactly what was approved, or nothing");
  const another = await approve(people.owner, await ask(people.agent, { method: "GET", url: premium }, offer, REASON));
  for (const { what, expected, tamper } of TAMPERINGS) {
    story.step(`Somebody changes ${what} of an approved payment.`, `402 ${expected}`, code(await send(premium, tamper(another))));
  }
  story.step("Untouched, it is still good: refusals cost nothing.", "200", code(await send(premium, another)));

  story.chapter("A payment for one request buys no other");
  const zurich = `${stack.merchant}/weather?city=Zurich`;
  const london = `${stack.merchant}/weather?city=London`;
  const weather = await approve(people.owner, await ask(people.agent, { method: "GET", url: zurich }, await termsOf(zurich), REASON));
  story.step(
    "The weather of Zurich is approved; the agent asks for London with it.",
    "402 binding_mismatch",
    code(await send(london, weather)),
  );
  const forecast = await send(zurich, weather);
  story.step("For Zurich it is accepted.", "200", code(forecast), { body: await forecast.text() });

  story.chapter("A merchant that fails is not paid");
  const flaky = `${stack.merchant}/flaky`;
  const middle = await balances(stack, people);
  const lost = await approve(people.owner, await ask(people.agent, { method: "GET", url: flaky }, await termsOf(flaky), REASON));
  story.step("The flaky route takes the payment and breaks.", "500", code(await send(flaky, lost)));
  const after = await balances(stack, people);
  story.step("The owner's balance is what it was, and nothing is held.", show(middle.owner), show(after.owner));

  story.chapter("The books");
  const spent = 2n * BigInt(offer.amount) + 2500n;
  story.step("The owner paid for two reports and one forecast.", spent.toString(), String(before.owner.balance - after.owner.balance), {
    before: displayAmount(before.owner.balance),
    after: displayAmount(after.owner.balance),
  });
  story.step("The merchant received exactly that.", spent.toString(), String(after.merchant.balance - before.merchant.balance));
  return story.end();
}

type Tamper = (payment: PaymentPayload) => PaymentPayload;

const TAMPERINGS: { what: string; expected: string; tamper: Tamper }[] = [
  { what: "the amount", expected: "amount_mismatch", tamper: inAuthorization({ value: "1" }) },
  { what: "the recipient", expected: "recipient_mismatch", tamper: inAuthorization({ to: "11111111111111111111111111111112" }) },
  { what: "the network", expected: "invalid_network", tamper: inAuthorization({ network: "logos:lez-mainnet" }) },
  {
    what: "the signature",
    expected: "invalid_signature",
    tamper: (payment) => ({ ...payment, payload: { ...payment.payload, signature: "ab".repeat(64) } }),
  },
];

function inAuthorization(change: Record<string, string>): Tamper {
  return (payment) => {
    const { authorization } = payment.payload as unknown as ExactPayload;
    return { ...payment, payload: { ...payment.payload, authorization: { ...authorization, ...change } } };
  };
}

function send(url: string, payment: PaymentPayload): Promise<Response> {
  return fetch(url, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(payment) }, redirect: "manual" });
}

async function answer(url: string): Promise<string> {
  return code(await fetch(url));
}

/** `402 nonce_replayed`: status and error code. */
function code(response: Response): string {
  return `${response.status} ${response.headers.get(PAYMENT_ERROR) ?? ""}`.trim();
}

/** The merchant's offer for a GET of this URL. */
async function termsOf(url: string): Promise<PaymentRequirements> {
  const required = decodeHeader((await fetch(url)).headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
  const [offer] = required.ok ? required.value.accepts : [];
  if (!offer) throw new Error(`${url} makes no offer`);
  return offer;
}

async function receiptOf(response: Response): Promise<Record<string, string>> {
  const receipt = decodeHeader(response.headers.get(PAYMENT_RESPONSE) ?? "", settleResponseSchema);
  return receipt.ok ? { transaction: receipt.value.transaction, paid: displayAmount(receipt.value.amount ?? "0") } : {};
}

async function decline({ owner }: People, request: Parameters<typeof requestDigest>[0]): Promise<DecisionRecord> {
  const decision = {
    requestDigest: requestDigest(request),
    decision: "declined",
    code: "duplicate",
    note: "You already have this report.",
    decidedAt: formatTimestamp(unixNow()),
  } as const;
  return recordDecision(decision, owner);
}

async function describe(record: DecisionRecord): Promise<string> {
  return `${record.decision.decision}, ${(await isGenuineDecision(record)) && record.signed ? "genuine" : "not genuine"}`;
}

async function fund(stack: Stack, account: string): Promise<number> {
  const response = await fetch(`${stack.facilitator}/faucet`, {
    method: "POST",
    body: JSON.stringify({ account, id: bytesToHex(randomBytes(32)) }),
  });
  return response.status;
}

interface Balance {
  balance: bigint;
  held: bigint;
}

const accountSchema = z.object({ balance: z.string(), held: z.string() });

async function balances(stack: Stack, { owner }: People): Promise<{ owner: Balance; merchant: Balance }> {
  const read = async (account: string): Promise<Balance> => {
    const { balance, held } = z.parse(accountSchema, await (await fetch(`${stack.facilitator}/accounts/${account}`)).json());
    return { balance: BigInt(balance), held: BigInt(held) };
  };
  return { owner: await read(owner.account), merchant: await read(stack.payTo) };
}

function show({ balance, held }: Balance): string {
  return `${displayAmount(balance)}, ${held} held`;
}
