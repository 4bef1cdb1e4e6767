/**
 * Workers of version 0.1 beside those of today, in every mixture: each pair buys on both flows, refuses before money moves, and
 * pays once. spec/architecture.md, "Deploying a new version".
 */

import { describe, expect, test } from "vitest";
import { Buyer, type Purchase, verdict } from "../../agent-cli/demo/buyer.ts";
import { PASSPHRASE, sandbox } from "../../agent-cli/testing/cli.ts";
import { served } from "../../agent-cli/testing/served.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { recordDecision } from "../../shared/protocol/decision.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { claimOf, depositOf, newSession, settling, voucherOf } from "../signed-session.ts";
import { newMandate, newPayer, randomId, type SignedPayment, signedPayment, underMandate } from "../signed.ts";
import { useMixedStack, type Versions } from "./mixed-stack.ts";

const MIXTURES: Versions[] = [
  // The recommended order: the ledger first, then the facilitator, then merchants whenever their owners like.
  { merchant: "0.1", facilitator: "0.1", ledger: "today" },
  { merchant: "0.1", facilitator: "today", ledger: "today" },
  // Any other order, and every rollback.
  { merchant: "today", facilitator: "0.1", ledger: "today" },
  { merchant: "today", facilitator: "today", ledger: "0.1" },
  { merchant: "today", facilitator: "0.1", ledger: "0.1" },
  { merchant: "0.1", facilitator: "today", ledger: "0.1" },
];
const FLOWS = { authorization: "/slow", upfront: "/archive" };
const PRICE = 10_000n;
const GRANT = 1_000_000n;

/** `npm run compat` tries all; here a new merchant at an old facilitator with an old ledger. */
const SAMPLE = process.env["MIXTURES"] === "all" ? MIXTURES : MIXTURES.filter((_, index) => index === 4);

describe.each(SAMPLE)("merchant $merchant, facilitator $facilitator, ledger $ledger:", (versions) => {
  const world = useMixedStack(versions);
  const box = sandbox();
  const at = (path: string): Purchase => ({ url: `${world.stack.merchant}${path}` });
  const runs = async () => ((await (await fetch(`${world.stack.merchant}/runs`)).json()) as { total: number }).total;
  const ask = async (path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    return (await fetch(`${world.stack.facilitator}${path}`, init)).json();
  };

  test.each(Object.entries(FLOWS))("flow %s runs the handler once, debits once, and refuses the replay", async (_, path) => {
    const buyer = await world.buyer();
    const payment = await buyer.approved(at(path));
    const before = await runs();
    const copies = await Promise.all([1, 2, 3, 4].map(() => buyer.send(at(path), payment)));
    const verdicts = copies.map(verdict).sort();
    expect(verdicts[0]).toBe("200");
    for (const other of verdicts.slice(1)) expect(["409 payment_in_progress", "402 nonce_replayed"]).toContain(other);
    expect(verdict(await buyer.send(at(path), payment))).toBe("402 nonce_replayed");
    expect(await runs()).toBe(before + 1);
    expect((await buyer.balances()).owner).toEqual({ balance: GRANT - PRICE, held: 0n });
  });

  test.runIf(versions.facilitator === "0.1")("the command line reads accounts there, and says what cannot be revoked", async () => {
    served(world.stack.facilitator);
    box.write("secret.txt", PASSPHRASE);
    const run = (line: string) => box.run(line, { env: { LEZ_FACILITATOR_URL: world.stack.facilitator } });
    expect((await run("owner create --passphrase-file ./secret.txt --out ./owner.json")).json.data).toMatchObject({ books: true });
    expect((await run("faucet --owner-file ./owner.json --amount 5")).json.data).toMatchObject({ balance: { amount: "5" } });
    expect((await run("balance --owner-file ./owner.json")).json.data).toMatchObject({ balance: { amount: "5" } });
    const revoked = await run("books revoke --owner-file ./owner.json --passphrase-file ./secret.txt");
    expect(revoked.json.error).toMatchObject({ code: "unsupported", message: expect.stringContaining("open to every caller") });
  });

  test("a handler that fails gives the hold back", async () => {
    const buyer = await world.buyer();
    expect((await buyer.send(at("/broken"), await buyer.approved(at("/broken")))).status).toBe(500);
    expect((await buyer.balances()).owner).toEqual({ balance: GRANT, held: 0n });
  });

  test.each(Object.entries(FLOWS))("flow %s refuses a bad payment with its code, before anything moves", async (_, path) => {
    const buyer = await world.buyer();
    const payment = await buyer.approved(at(path));
    const spoilt = (change: object): PaymentPayload => ({ ...payment, payload: { ...payment.payload, ...change } });
    const before = await runs();
    expect(verdict(await buyer.send(at(path), spoilt({ signature: "00".repeat(64) })))).toBe("402 invalid_signature");
    expect(verdict(await buyer.send(at(path), spoilt({ signature: 7 })))).toBe("400 invalid_payload");
    expect(verdict(await buyer.send(at(path), spoilt({ authorization: null })))).toBe("400 invalid_payload");
    expect(await runs()).toBe(before);
    expect((await buyer.balances()).owner).toEqual({ balance: GRANT, held: 0n });
  });

  test.each(Object.entries(FLOWS))(
    "flow %s sells under a mandate where facilitator and ledger know them, and moves nothing elsewhere",
    async (_, path) => {
      const buyer = await world.buyer();
      const { owner, agent } = buyer.people;
      const payees: [AccountId] = [world.stack.payTo as AccountId];
      const mandate = await newMandate(owner, agent, world.stack.ledger as Digest, { payees, origins: ["*"] });
      const payment = await underMandate(await buyer.approved(at(path)), mandate, agent, new URL(world.stack.merchant).origin);
      const before = await runs();
      const answer = verdict(await buyer.send(at(path), payment));
      const known = versions.facilitator === "today" && versions.ledger === "today";
      expect(answer).toBe(known ? "200" : "400 invalid_payload");
      expect(await runs()).toBe(before + (known ? 1 : 0));
      expect((await buyer.balances()).owner).toEqual({ balance: GRANT - (known ? PRICE : 0n), held: 0n });
    },
  );

  test("a payment of upto is charged where facilitator and ledger know it, and moves nothing elsewhere", async () => {
    const payer = await newPayer();
    await ask("/faucet", { account: payer.account, id: randomId() });
    const { payload, requirements, transaction } = await signedPayment(payer, { scheme: "upto" });
    const asked = { x402Version: 2, paymentPayload: payload };
    const known = versions.facilitator === "today" && versions.ledger === "today";
    const unknown = "invalid_payload";
    expect(await ask("/verify", { ...asked, paymentRequirements: requirements })).toMatchObject(
      known ? { isValid: true } : { isValid: false, invalidReason: unknown },
    );
    expect(await ask("/settle", { ...asked, paymentRequirements: { ...requirements, amount: "7" } })).toMatchObject(
      known ? { success: true, transaction, amount: "7" } : { success: false, errorReason: unknown },
    );
    const balance = String(GRANT - (known ? 7n : 0n));
    expect(await ask(`/accounts/${payer.account}`)).toMatchObject({ balance, held: "0" });
  });

  test("a session is opened and claimed where facilitator and ledger know it; elsewhere it is refused, and nothing is held", async () => {
    const session = await newSession(world.stack.ledger as Digest);
    await ask("/faucet", { account: session.payer.account, id: randomId() });
    const known = versions.facilitator === "today" && versions.ledger === "today";
    const deposit = await depositOf(session);
    const refused = expect.stringMatching(/^(invalid_payload|unsupported_scheme)$/);
    expect(await ask("/verify", deposit)).toMatchObject(known ? { isValid: true } : { isValid: false, invalidReason: refused });
    expect(await ask("/settle", deposit)).toMatchObject(known ? { success: true } : { success: false, errorReason: refused });
    const claim = settling(session, await claimOf(session, [await voucherOf(session)], { "0": "7" }));
    expect(await ask("/settle", claim)).toMatchObject(known ? { success: true, amount: "7" } : { success: false, errorReason: refused });
    const { kinds } = (await ask("/supported")) as { kinds: { scheme: string }[] };
    expect(kinds.some(({ scheme }) => scheme === "batch-settlement")).toBe(known);
    const [balance, held] = known ? [String(GRANT - 7n), "99993"] : [String(GRANT), "0"];
    expect(await ask(`/accounts/${session.payer.account}`)).toMatchObject({ balance, held });
  });

  test("a payer without money is told so, under one trace id in all Workers", async () => {
    const poor = await Buyer.create(world.stack);
    for (const [path, call] of [
      [FLOWS.authorization, "reserve"],
      [FLOWS.upfront, "settle"],
    ] as const) {
      expect(verdict(await poor.send(at(path), await poor.approved(at(path))))).toBe("402 insufficient_funds");
      const traceOf = (worker: string) =>
        world.logs.find(({ event, code }) => event === `${worker}.${call}` && code === "insufficient_funds")?.["traceId"];
      await expect.poll(() => traceOf("ledger")).toMatch(/^[0-9a-f]{32}$/);
      expect(traceOf("facilitator")).toBe(traceOf("ledger"));
    }
  });

  test("the facilitator verifies, settles, tells, cancels and accounts over HTTP", async () => {
    const payer = await newPayer();
    const grant = await ask("/faucet", { account: payer.account, id: randomId() });
    expect(grant).toMatchObject({ success: true, balance: String(GRANT) });
    const envelope = ({ payload, requirements }: SignedPayment) => ({
      x402Version: 2,
      paymentPayload: payload,
      paymentRequirements: requirements,
    });
    const status = ({ payment: { nonce, validBefore } }: SignedPayment) =>
      ask(`/settlements/logos:lez-testnet/${payer.account}/${nonce}?validBefore=${validBefore}`);

    const signed = await signedPayment(payer);
    expect(await status(signed)).toMatchObject({ status: "unused" });
    expect(await ask("/verify", envelope(signed))).toEqual({ isValid: true, payer: payer.account });
    expect(await ask("/settle", envelope(signed))).toMatchObject({ success: true, transaction: signed.transaction });
    expect(await ask("/settle", envelope(signed))).toMatchObject({ success: false, errorReason: "nonce_replayed" });
    expect(await status(signed)).toMatchObject({ status: "settled", transaction: signed.transaction });
    expect(await ask(`/accounts/${payer.account}`)).toMatchObject({ balance: String(GRANT - PRICE), held: "0", journalSeq: 2 });
    expect(await ask(`/accounts/${payer.account}/journal`)).toMatchObject({ entries: [{ kind: "credit" }, { kind: "debit" }] });
    expect(await ask(`/accounts/${payer.account}/checkpoint`)).toMatchObject({ checkpoint: { seq: "2" } });

    const revocation = { decision: "revoked", code: "other", decidedAt: formatTimestamp(unixNow()), requestDigest: randomId() } as const;
    const { nonce, ...cancelled } = (await ask("/settlements/cancel", await recordDecision(revocation, payer))) as { nonce: never };
    expect(cancelled).toMatchObject({ success: true, payer: payer.account });
    const late = await signedPayment(payer, { nonce });
    expect(await status(late)).toMatchObject({ status: "cancelled" });
    expect(await ask("/settle", envelope(late))).toMatchObject({ success: false, errorReason: "payment_revoked" });
  });

  test("the ledger audits exact, and no Worker has failed", async () => {
    expect(await ask("/ledger/audit")).toMatchObject({ ok: true, conclusive: true });
    expect(world.logs.filter(({ event, code }) => String(event).endsWith("failed") || code === "internal_error")).toEqual([]);
  });
});
