/** The protocol in one process, without a network: request, approval, verification, settlement and replay. */

import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import { ASSET, NETWORK, SCHEME } from "../../shared/lez.ts";
import { FAUCET_GRANT, GENESIS_SUPPLY } from "../../shared/limits.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import { checkPaymentRequest, requestDigest, shortCode } from "../../shared/protocol/payment-request.ts";
import { reasonSchema } from "../../shared/protocol/reason.ts";
import { Facilitator } from "../../shared/settlement/facilitator.ts";
import { checkShape } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import type { PaymentPayload, PaymentRequirements } from "../../shared/x402/x402.ts";
import type { Context } from "../runtime/context.ts";
import type { Outcome } from "../runtime/outcome.ts";
import { inProcessBackend } from "./in-process.ts";
import { memoryStore } from "./memory-store.ts";
import { approve, ask, createPeople } from "./people.ts";
import { Story, type StoryData } from "./story.ts";

const REQUEST = { method: "GET", url: "https://merchant.example.com/premium" };
const REASON = "The premium report answers the question you asked me this morning.";

export async function tellCliStory(context: Context): Promise<Outcome<StoryData>> {
  const story = new Story(context, "The protocol in one process: no network, no Workers");
  const ledger = new LedgerRules(memoryStore(), { ledger: randomId(), supply: GENESIS_SUPPLY, at: unixNow() });
  const facilitator = new Facilitator(inProcessBackend(ledger), ledger.info().ledger);
  const { agent, owner } = await createPeople();
  const offer = offerFor(ledger.info().ledger);

  story.chapter("Request");
  const funded = ledger.fund(owner.account, FAUCET_GRANT, randomId(), unixNow());
  story.step("The faucet pays the owner.", "ok", funded.ok ? "ok" : funded.code, {
    balance: displayAmount(ledger.account(owner.account).balance),
  });
  const reason = checkShape("because", reasonSchema);
  story.step(
    '"because" is not a reason.',
    "must say why in at least 32 visible characters",
    reason.ok ? "accepted" : reason.problem.replace("value: ", ""),
  );
  const request = await ask(agent, REQUEST, offer, REASON);
  const checked = await checkPaymentRequest(request, unixNow());
  story.step("The agent asks, and signs what it asks for.", "ok", checked.ok ? "ok" : checked.code, {
    reason: request.reason,
    amount: displayAmount(request.payment.amount),
    code: shortCode(requestDigest(request)),
  });
  const swapped = { ...request, http: { ...request.http, url: "https://merchant.example.com/everything" } };
  const refused = await checkPaymentRequest(swapped, unixNow());
  story.step("With another URL, the request would not reach the owner.", "binding_mismatch", refused.ok ? "ok" : refused.code);

  story.chapter("Approve");
  const payment = await approve(owner, request);
  story.step("The owner signs an x402 payment.", "2", String(payment.x402Version), { payer: owner.account, payee: offer.payTo });

  story.chapter("Verify");
  const verified = await facilitator.verify({ paymentPayload: payment, paymentRequirements: offer });
  story.step("The facilitator verifies it, and changes nothing.", "valid", verified.isValid ? "valid" : String(verified.invalidReason));
  const cheaper = await facilitator.verify({ paymentPayload: payment, paymentRequirements: { ...offer, amount: "1" } });
  story.step("Against another price, it is not valid.", "amount_mismatch", String(cheaper.invalidReason));

  story.chapter("Settle");
  const settle = (paymentPayload: PaymentPayload) =>
    facilitator.settle({ payment: { paymentPayload, paymentRequirements: offer }, settlementId: randomId() });
  const settled = await settle(payment);
  story.step("The ledger moves the money.", "settled", settled.success ? "settled" : String(settled.errorReason), {
    transaction: settled.transaction,
    owner: displayAmount(ledger.account(owner.account).balance),
    merchant: displayAmount(ledger.account(DEMO_MERCHANT_ACCOUNT).balance),
  });

  story.chapter("Replay");
  story.step("The same payment again is refused.", "nonce_replayed", String((await settle(payment)).errorReason));
  const again = await approve(owner, request);
  story.step("A second approval of the same request pays nothing either.", "nonce_replayed", String((await settle(again)).errorReason));
  const audit = ledger.audit();
  story.step("The audit recomputes every chain and adds up every balance.", "sound", audit.problems.join("; ") || "sound", {
    supply: displayAmount(audit.supply),
    entries: String(audit.journalEntries),
  });
  return story.end();
}

function offerFor(ledger: Digest): PaymentRequirements {
  const terms = { scheme: SCHEME, network: NETWORK, asset: ASSET, amount: "10000", payTo: DEMO_MERCHANT_ACCOUNT };
  return { ...terms, maxTimeoutSeconds: 900, extra: { binding: bindingOf(REQUEST, terms), ledger } };
}

function randomId(): Digest {
  return bytesToHex(randomBytes(32)) as Digest;
}
