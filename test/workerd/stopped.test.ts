/** A shard that has stopped: what it remembers proves nothing, so what became of a payment is unknown, and no refusal. */

import { evictDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { randomId, reserveCommand, signedPayment } from "../signed.ts";
import { envelopeOf, get, post } from "./http.ts";
import { env, facilitator, facilitatorsLedger, fundedPayer, NOW, remote, setTime, sql } from "./ledger.ts";

const ledger = facilitatorsLedger();

beforeEach(() => setTime(NOW));
afterEach(async () => {
  await restart("DELETE FROM halt");
  vi.useRealTimers();
});

async function restart(statement: string): Promise<void> {
  await sql(ledger, statement);
  await evictDurableObject(ledger);
}
const stop = () => restart("INSERT INTO halt (reason, at) VALUES ('set back', 1)");

/** The ledger settles, and its answer is lost. */
const deaf = {
  ...env,
  LEDGER: {
    getByName: () => ({
      info: () => ledger.info(),
      settle: async (...args: Parameters<ReturnType<typeof remote>["settle"]>) => {
        await remote(ledger).settle(...args);
        throw new Error("connection lost");
      },
    }),
  } as never,
};

test("a settlement whose answer was lost stays unknown while the shard has stopped, and is found afterwards", async () => {
  const signed = await signedPayment(await fundedPayer(ledger));
  const { transaction } = signed;
  const unknown = { status: 200, body: { success: false, errorReason: "settlement_pending", transaction } };
  expect(await post("/settle", envelopeOf(signed), deaf)).toMatchObject(unknown);
  await stop();
  expect(await post("/settle", envelopeOf(signed), env)).toMatchObject(unknown);
  await restart("DELETE FROM halt");
  expect(await post("/settle", envelopeOf(signed), env)).toMatchObject({ body: { success: true, transaction } });
});

test("a capture that may have been made is not refused", async () => {
  const held = await facilitator.reserve(reserveCommand(await signedPayment(await fundedPayer(ledger))));
  if (!held.ok) throw new Error(held.code);
  await stop();
  await expect(async () => facilitator.capture(held.reservation)).rejects.toThrow("stopped");
});

test("nothing new begins, and every caller is told to come back", async () => {
  const signed = await signedPayment(await fundedPayer(ledger));
  const { payer, nonce, validBefore } = signed.payment;
  await stop();
  const verified = await post("/verify", envelopeOf(signed));
  expect(verified).toMatchObject({ status: 503, body: { isValid: false, invalidReason: "facilitator_unavailable" } });
  expect(verified.headers.get("retry-after")).toBe("2");
  await expect(async () => facilitator.reserve(reserveCommand(signed))).rejects.toThrow("stopped");
  const grant = await post("/faucet", { account: payer, id: randomId() });
  expect(grant).toMatchObject({ status: 503, body: { error: "facilitator_unavailable" } });
  expect(await get(`/settlements/logos:lez-testnet/${payer}/${nonce}?validBefore=${validBefore}`)).toMatchObject({
    body: { status: "unknown" },
  });
});
