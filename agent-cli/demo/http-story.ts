/** The whole system over HTTP, from the 402 to the receipt, and through every refusal. */

import { displayAmount } from "../../shared/protocol/amount.ts";
import { type DecisionRecord, isGenuineDecision, recordDecision } from "../../shared/protocol/decision.ts";
import type { ExactPayload } from "../../shared/protocol/exact-payload.ts";
import { checkPaymentRequest, type PaymentRequest, requestDigest, shortCode } from "../../shared/protocol/payment-request.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import type { Context } from "../runtime/context.ts";
import type { Outcome } from "../runtime/outcome.ts";
import { type Balance, Buyer, type Purchase, receiptOf, verdict } from "./buyer.ts";
import { tellMandateChapter } from "./mandate-chapter.ts";
import { approve } from "./people.ts";
import type { Stack } from "./stack.ts";
import { Story, type StoryData } from "./story.ts";

export async function tellHttpStory(context: Context, stack: Stack): Promise<Outcome<StoryData>> {
  const story = new Story(context, "Three Workers on loopback: a merchant, a facilitator, a ledger");
  const buyer = await Buyer.create(stack);
  const { owner } = buyer.people;
  const premium = { url: `${stack.merchant}/premium` };
  const zurich = { url: `${stack.merchant}/weather?city=Zurich` };
  const london = { url: `${stack.merchant}/weather?city=London` };
  const research = { url: `${stack.merchant}/research` };
  const flaky = { url: `${stack.merchant}/flaky` };

  story.chapter("The owner has money, the agent has none");
  const funded = await buyer.fund();
  story.step("The faucet pays the owner's account test money.", "200", verdict(funded), { owner: owner.account, merchant: stack.payTo });
  const before = await buyer.balances();

  story.chapter("The agent asks, the owner approves, the merchant is paid");
  const offer = await buyer.offer(premium);
  story.step("The agent asks for the premium report without paying.", "402 payment_required", verdict(await buyer.send(premium)), {
    price: displayAmount(offer.amount),
    "paid to": offer.payTo,
    "valid for": `${offer.maxTimeoutSeconds} s after approval`,
  });
  const request = await buyer.request(premium);
  const checked = await checkPaymentRequest(request, unixNow());
  const scope = checked.ok ? checked.scope : checked.code;
  story.step("It writes a payment request. The owner's tool recomputes the binding in the merchant's offer.", "query+body", scope, {
    reason: request.reason,
    code: shortCode(requestDigest(request)),
  });
  const payment = await approve(owner, request);
  const paid = await buyer.send(premium, payment);
  const receipt = receiptOf(paid);
  story.step("The owner approves; the agent repeats its request with the signed payment.", "200", verdict(paid), {
    transaction: receipt?.transaction ?? "none",
    paid: displayAmount(receipt?.amount ?? "0"),
    body: await paid.text(),
  });
  story.step("The same payment again buys nothing.", "402 nonce_replayed", verdict(await buyer.send(premium, payment)));
  const again = await approve(owner, request);
  story.step("Nor does a second approval of the same request.", "402 nonce_replayed", verdict(await buyer.send(premium, again)));

  story.chapter("The owner declines");
  const decision = await decline(owner, await buyer.request(premium, "I would like to have the very same premium report once more."));
  story.step("A second request gets a signed no. There is no payment to send.", "declined, genuine", await describe(decision), {
    code: decision.decision.code,
    note: decision.decision.note ?? "",
  });

  story.chapter("A payment says exactly what was approved, or nothing");
  const another = await buyer.approved(premium);
  for (const { what, expected, tamper } of TAMPERINGS) {
    const answer = await buyer.send(premium, tamper(another));
    story.step(`${what} of an approved payment is changed.`, `402 ${expected}`, verdict(answer));
  }
  story.step("Unchanged, the payment is still good: refusals cost nothing.", "200", verdict(await buyer.send(premium, another)));

  story.chapter("A payment for one request buys no other");
  const weather = await buyer.approved(zurich);
  const elsewhere = await buyer.send(london, weather);
  story.step(
    "The owner approves the weather of Zurich; the agent asks for London with that payment.",
    "402 binding_mismatch",
    verdict(elsewhere),
  );
  const forecast = await buyer.send(zurich, weather);
  story.step("For Zurich, the merchant accepts it.", "200", verdict(forecast), { body: await forecast.text() });

  await tellMandateChapter(story, buyer, stack);

  story.chapter("A merchant that fails is not paid");
  const middle = await buyer.balances();
  story.step("The flaky route takes the payment and fails.", "500", verdict(await buyer.send(flaky, await buyer.approved(flaky))));
  const after = await buyer.balances();
  story.step(
    "The owner's balance is unchanged, and nothing is held.",
    `${show(middle.owner)}, 0 held`,
    `${show(after.owner)}, ${after.owner.held} held`,
  );

  story.chapter("The books");
  const priceOf = async (purchase: Purchase) => BigInt((await buyer.offer(purchase)).amount);
  const spent = 3n * (await priceOf(premium)) + 6n * (await priceOf(zurich)) + (await priceOf(research));
  const left = before.owner.balance - after.owner.balance;
  story.step("The owner paid for three reports, six forecasts and one piece of research.", displayAmount(spent), displayAmount(left), {
    before: show(before.owner),
    after: show(after.owner),
  });
  const earned = after.merchant.balance - before.merchant.balance;
  story.step("The merchant received exactly that.", displayAmount(spent), displayAmount(earned), {
    before: show(before.merchant),
    after: show(after.merchant),
  });
  return story.end();
}

type Tamper = (payment: PaymentPayload) => PaymentPayload;

const TAMPERINGS: { what: string; expected: string; tamper: Tamper }[] = [
  { what: "The amount", expected: "amount_mismatch", tamper: inAuthorization({ value: "1" }) },
  { what: "The recipient", expected: "recipient_mismatch", tamper: inAuthorization({ to: "11111111111111111111111111111112" }) },
  { what: "The network", expected: "invalid_network", tamper: inAuthorization({ network: "logos:lez-mainnet" }) },
  { what: "The signature", expected: "invalid_signature", tamper: inPayload({ signature: "ab".repeat(64) }) },
];

function inPayload(change: Record<string, unknown>): Tamper {
  return (payment) => ({ ...payment, payload: { ...payment.payload, ...change } });
}

function inAuthorization(change: Record<string, string>): Tamper {
  return (payment) => {
    const { authorization } = payment.payload as unknown as ExactPayload;
    return inPayload({ authorization: { ...authorization, ...change } })(payment);
  };
}

function decline(owner: WalletSigner, request: PaymentRequest): Promise<DecisionRecord> {
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
  return `${record.decision.decision}, ${record.signed && (await isGenuineDecision(record)) ? "genuine" : "not genuine"}`;
}

function show({ balance }: Balance): string {
  return displayAmount(balance);
}
