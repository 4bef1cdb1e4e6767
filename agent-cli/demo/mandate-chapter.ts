/** A chapter of the demo: one signature for a limit, purchases without a person, and the end of the mandate while a payment is held. */

import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import { ASSET, NETWORK, SCHEME } from "../../shared/lez.ts";
import { type Amount, displayAmount } from "../../shared/protocol/amount.ts";
import { type Mandate, mandateDigest, type SignedMandate, signMandate } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { signRevocation } from "../../shared/protocol/revocation.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { type Buyer, type Purchase, receiptOf, verdict } from "./buyer.ts";
import { approve, payWithin } from "./people.ts";
import type { Stack } from "./stack.ts";
import type { Story } from "./story.ts";

const HOUR = 3600;
/** Five forecasts fit into it, then one piece of research, and no report. */
const LIMITS = { perPayment: "10000" as Amount, total: "17500" as Amount };
const CITIES = ["Basel", "Bern", "Geneva", "Lausanne", "Lugano"];

const POLL_MILLIS = 20;

const units = z.string().regex(/^\d+$/);
const usageSchema = z.object({ settled: units.default("0"), claimed: units.default("0"), left: units.optional() });
const revokedSchema = z.object({ underWay: z.object({ payments: z.number(), value: units, until: z.number().optional() }) });

/** The agent buys five forecasts, a report and one piece of research. */
export async function tellMandateChapter(story: Story, buyer: Buyer, stack: Stack): Promise<void> {
  const { owner, agent } = buyer.people;
  const at = (path: string): Purchase => ({ url: `${stack.merchant}${path}` });
  const pay = async (mandate: SignedMandate, purchase: Purchase) => payWithin(mandate, agent, await buyer.request(purchase));

  story.chapter("The owner signs a limit, and the agent pays within it");
  const mandate = await grant(buyer, stack);
  const digest = mandateDigest(mandate.mandate);
  const answers: string[] = [];
  for (const city of CITIES) {
    const forecast = at(`/weather?city=${city}`);
    answers.push(verdict(await buyer.send(forecast, await pay(mandate, forecast))));
  }
  const used = await usageOf(stack, mandate);
  story.step("Five forecasts, and no person is asked.", CITIES.map(() => "200").join(" "), answers.join(" "), {
    mandate: shortCode(digest),
    limits: `${displayAmount(LIMITS.perPayment)} per payment, ${displayAmount(LIMITS.total)} in all`,
    used: displayAmount(used.settled),
  });

  const report = at("/premium");
  const request = await buyer.request(report);
  const beyond = await buyer.send(report, await payWithin(mandate, agent, request));
  story.step("The sixth purchase costs more than is left: the ledger refuses it.", "402 mandate_exceeded", verdict(beyond), {
    price: displayAmount(request.payment.amount),
    left: displayAmount(used.left ?? "0"),
  });
  const approved = await buyer.send(report, await approve(owner, request));
  story.step("So the agent asks, and the owner approves the same request.", "200", verdict(approved));

  const research = at("/research");
  const payment = await pay(mandate, research);
  const answer = buyer.send(research, payment);
  await untilHeld(stack, mandate, answer);
  const { underWay } = await revoke(buyer, stack, mandate);
  story.step(
    "The owner revokes the mandate while the merchant works for a payment.",
    "1 payment under way",
    `${underWay.payments} payment under way`,
    { "at most": displayAmount(underWay.value), "over by": underWay.until === undefined ? "now" : formatTimestamp(underWay.until) },
  );
  const delivered = await answer;
  story.step("Work that was begun is paid.", "200", verdict(delivered), { paid: displayAmount(receiptOf(delivered)?.amount ?? "0") });
  story.step("It is paid once.", "402 nonce_replayed", verdict(await buyer.send(research, payment)));
  story.step("No other payment is made.", "402 mandate_revoked", verdict(await buyer.send(research, await pay(mandate, research))));
}

function grant({ people: { owner, agent } }: Buyer, { ledger, merchant, payTo }: Stack): Promise<SignedMandate> {
  const now = unixNow();
  const mandate = {
    version: "1",
    network: NETWORK,
    asset: ASSET,
    ledger,
    from: owner.account,
    agent: agent.publicKey,
    grantedAt: String(now),
    validAfter: String(now),
    validBefore: String(now + HOUR - 1),
    ...LIMITS,
    payees: [payTo],
    origins: [merchant],
    schemes: [SCHEME],
    salt: bytesToHex(randomBytes(32)),
  } as Mandate;
  return signMandate(mandate, owner);
}

async function usageOf({ facilitator }: Stack, { mandate }: SignedMandate) {
  const response = await fetch(`${facilitator}/mandates/${NETWORK}/${mandate.from}/${mandateDigest(mandate)}`);
  return z.parse(usageSchema, await response.json());
}

/** Until the merchant has reserved a payment under the mandate, or has answered. */
async function untilHeld(stack: Stack, mandate: SignedMandate, answer: Promise<Response>): Promise<void> {
  const answered = answer.then(
    () => true,
    () => true,
  );
  while ((await usageOf(stack, mandate)).claimed === "0") {
    if (await Promise.race([answered, sleep(POLL_MILLIS, false)])) return;
  }
}

async function revoke({ people: { owner } }: Buyer, { facilitator }: Stack, { mandate }: SignedMandate) {
  const revocation = {
    version: "1",
    network: NETWORK,
    ledger: mandate.ledger,
    from: owner.account,
    mandate: mandateDigest(mandate),
    revokedAt: String(unixNow()),
  } as const;
  const signed = await signRevocation(revocation, owner);
  const response = await fetch(`${facilitator}/mandates/revoke`, { method: "POST", body: JSON.stringify(signed) });
  return z.parse(revokedSchema, await response.json());
}
