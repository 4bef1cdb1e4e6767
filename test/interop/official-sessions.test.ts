/** Sessions with the official packages: their client of a facilitator, and their facilitator with our scheme. spec/interop.md. */

import { x402Facilitator } from "@x402/core/facilitator";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { expect, test } from "vitest";
import { inProcessBackend } from "../../agent-cli/demo/in-process.ts";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { registerBatchSettlementLezScheme as registerClient } from "../../shared/batch-settlement/client/index.ts";
import { registerBatchSettlementLezScheme } from "../../shared/batch-settlement/facilitator/index.ts";
import { type Digest, randomDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT, DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import { NETWORK } from "../../shared/lez.ts";
import { FAUCET_GRANT, GENESIS_SUPPLY } from "../../shared/limits.ts";
import { claimTransaction } from "../../shared/protocol/claim.ts";
import { unixNow } from "../../shared/time.ts";
import { claimOf, depositOf, newSession, settling, voucherOf } from "../signed-session.ts";
import { newPayer, randomId } from "../signed.ts";
import { receiptOf, useStack } from "../stack/stack.ts";

const world = useStack({ vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY } } });

/** The two calls that the official client and the official facilitator have in common. */
type Calls = Pick<HTTPFacilitatorClient, "verify" | "settle">;
type Body = { paymentPayload: object; paymentRequirements: object };
const call = (facilitator: Calls, name: "verify" | "settle", { paymentPayload, paymentRequirements }: Body) =>
  facilitator[name](paymentPayload as never, paymentRequirements as never);

/** A deposit is checked, set aside, and claimed from, in answers that the official package reads. */
async function expectWhole(facilitator: Calls, ledger: Digest, fund: (account: string) => Promise<unknown>) {
  const session = await newSession(ledger);
  await fund(session.payer.account);
  const payer = session.payer.account;
  const deposit = await depositOf(session);
  expect(await call(facilitator, "verify", deposit)).toMatchObject({ isValid: true, payer });
  const channelState = { channelId: session.id, balance: "100000", totalClaimed: "0", withdrawRequestedAt: 0 };
  expect(await call(facilitator, "settle", deposit)).toMatchObject({ success: true, payer, transaction: "", extra: { channelState } });

  const payload = await claimOf(session, [await voucherOf(session)], { "0": "7500" });
  expect(await call(facilitator, "settle", settling(session, payload))).toMatchObject({
    success: true,
    transaction: claimTransaction(NETWORK, payload.claim),
    amount: "7500",
    extra: { channelState: { ...channelState, totalClaimed: "7500" } },
  });
}

test("the official client opens and claims a session at our facilitator [interop-session-client]", async () => {
  const official = new HTTPFacilitatorClient({ url: world.stack.facilitator });
  await expectWhole(official, world.stack.ledger as Digest, (account) =>
    fetch(`${world.stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account, id: randomId() }) }),
  );
});

test("the official facilitator opens and claims a session with our scheme [interop-session-facilitator]", async () => {
  const rules = new LedgerRules(memoryStore(), { ledger: randomDigest(), supply: GENESIS_SUPPLY, at: unixNow() });
  const official = await registerBatchSettlementLezScheme(new x402Facilitator(), { backend: inProcessBackend(rules) });
  expect(official.getSupported().kinds).toEqual([
    { x402Version: 2, scheme: "batch-settlement", network: NETWORK, extra: { ledger: rules.info().ledger } },
  ]);
  await expectWhole(official, rules.info().ledger, async (account) =>
    rules.fund(account as never, FAUCET_GRANT, randomDigest(), unixNow()),
  );
});

test("the official client pays our merchant by one deposit and then by vouchers, over HTTP [interop-session-own]", async () => {
  const [payer, agentKey] = await Promise.all([newPayer(), newPayer()]);
  const { merchant, facilitator } = world.stack;
  await fetch(`${facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account: payer.account, id: randomId() }) });
  const session = { origin: merchant, payTo: DEMO_MERCHANT_ACCOUNT, deposit: "1000", seconds: 3600 };
  const client = registerClient(new x402Client(), { signer: payer, agentKey, session });
  const pay = wrapFetchWithPayment(fetch, client);
  const commitments = new Set<unknown>();
  for (let call = 1; call <= 3; call++) {
    const answer = await pay(`${merchant}/quote?symbol=LGO`);
    expect(answer.status).toBe(200);
    const { success, transaction, extra } = receiptOf(answer) as { success: boolean; transaction: string; extra: Record<string, unknown> };
    expect({ success, transaction, charged: extra.chargedAmount }).toEqual({ success: true, transaction: "", charged: "10" });
    commitments.add(extra.commitmentId);
  }
  expect(commitments.size).toBe(3);
  expect(new Set([...commitments].map((id) => String(id).split(":")[0])).size).toBe(1);
});

test("is not registered over a backend that keeps no sessions [interop-session-backend]", async () => {
  const rules = new LedgerRules(memoryStore(), { ledger: randomDigest(), supply: GENESIS_SUPPLY, at: unixNow() });
  const { sessions: _, ...older } = inProcessBackend(rules);
  await expect(registerBatchSettlementLezScheme(new x402Facilitator(), { backend: older })).rejects.toThrow(TypeError);
});
