/** The owner's decisions, when there are many. */

import { expect, test } from "vitest";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { MAX_HISTORY } from "../runtime/limits.ts";
import { sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const { ask } = await people(box);

test("a decision of minutes ago is seen beside any number of older ones [decision-history-recent]", async () => {
  await ask(merchant.url, "first.json");
  await box.run("decline --request-file ./first.json --code policy --out ./declined.json");
  const { agent, payment } = box.read<PaymentRequest>("first.json");
  for (let i = 0; i < MAX_HISTORY; i++) {
    const requestDigest = i.toString(16).padStart(64, "0");
    const { payTo } = payment;
    const old = { decision: "declined", code: "other", at: "2020-01-01T00:00:00Z", agentKey: agent.publicKey, payTo, amount: "1" };
    box.write(`home/decisions/${requestDigest}.declined.json`, { requestDigest, ...old, url: "https://other.example/" });
  }
  await ask(merchant.url, "second.json");
  const words = "approve --request-file ./second.json --owner-file ./owner.json --out ./payment.json --dry-run";
  expect((await box.run(words, { terminal: true })).stderr).toContain("You declined the same terms a few minutes ago.");
});
