/** Sessions against the real stack: deposits, claims and withdrawals over HTTP, and what the ledger's books say of them. */

import { describe, expect, test } from "vitest";
import type { DepositPayload } from "../../shared/batch-settlement/payload.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { JournalEntry } from "../../shared/ledger/journal.ts";
import { NETWORK } from "../../shared/lez.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { claimDigest, claimTransaction } from "../../shared/protocol/claim.ts";
import { mandateDigest } from "../../shared/protocol/mandate.ts";
import { signRevocation } from "../../shared/protocol/revocation.ts";
import { unixNow } from "../../shared/time.ts";
import { merchant, receiver } from "../fixtures.ts";
import {
  claimOf,
  depositOf,
  newSession,
  newSessionUnder,
  type OpenableSession,
  settling,
  voucherOf,
  withdrawalOf,
} from "../signed-session.ts";
import { newMandate, newPayer, randomId } from "../signed.ts";
import { useStack } from "./stack.ts";

const world = useStack({ shards: 2 });
const ledger = () => world.stack.ledger as Digest;
const GRANT = 1_000_000n;

async function call(path: string, body?: object) {
  const init = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`${world.stack.facilitator}${path}`, init);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}
const settle = (body: object) => call("/settle", body);
const account = async (id: string) => (await call(`/accounts/${id}`)).body as { balance: string; held: string };
const standing = ({ session, id }: OpenableSession) => call(`/sessions/${NETWORK}/${session.from}/${id}`);
const fund = (id: string) => call("/faucet", { account: id, id: randomId() });

async function funded(changes: Parameters<typeof newSession>[1] = {}): Promise<OpenableSession> {
  const session = await newSession(ledger(), changes);
  await fund(session.payer.account);
  return session;
}

async function opened(): Promise<OpenableSession> {
  const session = await funded();
  expect((await settle(await depositOf(session))).body).toMatchObject({ success: true });
  return session;
}

const channelState = ({ id }: OpenableSession, changes: object = {}) => ({
  channelId: id,
  balance: "100000",
  totalClaimed: "0",
  withdrawRequestedAt: 0,
  ...changes,
});

describe("a deposit", () => {
  test("is verified without a trace, then set aside once, however often it is sent [session-open]", async () => {
    const session = await funded();
    const deposit = await depositOf(session);
    expect((await call("/verify", deposit)).body).toEqual({ isValid: true, payer: session.payer.account });
    expect(await account(session.payer.account)).toMatchObject({ balance: String(GRANT), held: "0" });
    expect((await standing(session)).body).toMatchObject({ status: "unknown" });

    const copies = await Promise.all([1, 2, 3, 4].map(() => settle(deposit)));
    for (const { body } of copies) {
      const extra = { channelState: channelState(session) };
      expect(body).toEqual({ success: true, payer: session.payer.account, transaction: "", network: NETWORK, amount: "", extra });
    }
    expect(await account(session.payer.account)).toMatchObject({ balance: String(GRANT), held: "100000" });
    expect((await standing(session)).body).toMatchObject({
      network: NETWORK,
      ledger: ledger(),
      payer: session.payer.account,
      id: session.id,
      status: "open",
      deposit: "100000",
      claimed: "0",
      expiresAt: Number(session.session.expiresAt),
      closesAt: Number(session.session.expiresAt) + 900,
      channelConfig: session.session,
    });
  });

  test("that is wrong or not covered sets nothing aside", async () => {
    const poor = await newSession(ledger());
    expect((await settle(await depositOf(poor))).body).toMatchObject({ success: false, errorReason: "insufficient_funds" });
    const elsewhere = await funded({ ledger: randomId() });
    expect((await settle(await depositOf(elsewhere))).body).toMatchObject({ errorReason: "ledger_mismatch" });
    expect(await account(elsewhere.payer.account)).toMatchObject({ held: "0" });
  });

  test("and a second one with its nonce are told apart", async () => {
    const first = await opened();
    const second = await newSession(ledger(), { payer: first.payer, nonce: first.session.nonce, deposit: "50000" as Amount });
    expect((await settle(await depositOf(second))).body).toMatchObject({
      success: false,
      errorReason: "nonce_replayed",
      extra: { session: first.id },
    });
  });

  test("under a mandate is counted by the ledger, and ends with the mandate's revocation [session-mandate]", async () => {
    const [payer, agent] = await Promise.all([newPayer(), newPayer()]);
    await fund(payer.account);
    const mandate = await newMandate(payer, agent, ledger(), {
      total: "200000" as Amount,
      schemes: ["batch-settlement"],
      session: { deposit: "150000" as Amount, seconds: "86400", withdrawDelay: "900", open: "2" },
    });
    const [one, two] = await Promise.all([newSessionUnder(mandate, payer, agent), newSessionUnder(mandate, payer, agent)]);
    expect((await settle(await depositOf(one, mandate))).body).toMatchObject({ success: true });
    expect((await settle(await depositOf(two, mandate))).body).toMatchObject({
      errorReason: "mandate_exceeded",
      extra: { limit: "session" },
    });

    const digest = mandateDigest(mandate.mandate);
    const revocation = {
      version: "1",
      network: NETWORK,
      ledger: ledger(),
      from: payer.account,
      mandate: digest,
      revokedAt: String(unixNow()),
    };
    expect((await call("/mandates/revoke", await signRevocation(revocation as never, payer))).body).toMatchObject({ success: true });
    expect((await standing(one)).body).toMatchObject({ status: "closing", withdrawRequestedAt: expect.any(Number) });
  });
});

describe("a claim", () => {
  test("pays the merchant what vouchers cover, once, in a transaction of its own [session-claim]", async () => {
    const session = await opened();
    const before = BigInt((await account(merchant.account)).balance ?? 0);
    const vouchers = [await voucherOf(session), await voucherOf(session, { lane: "1a".repeat(16), maxClaimableAmount: "5000" as Amount })];
    const payload = await claimOf(session, vouchers, { "0": "7500" });
    const transaction = claimTransaction(NETWORK, payload.claim);
    const answers = await Promise.all([1, 2, 3].map(() => settle(settling(session, payload))));
    for (const { body } of answers) {
      const extra = { channelState: channelState(session, { totalClaimed: "12500" }) };
      expect(body).toEqual({ success: true, payer: session.payer.account, transaction, network: NETWORK, amount: "12500", extra });
    }
    expect(await account(session.payer.account)).toMatchObject({ balance: String(GRANT - 12_500n), held: "87500" });
    await expect.poll(async () => BigInt((await account(merchant.account)).balance)).toBe(before + 12_500n);
  });

  test("beyond its voucher, by another key or out of a session that was never opened pays nothing", async () => {
    const session = await opened();
    const voucher = await voucherOf(session);
    const code = async (payload: object, of = session) => (await settle(settling(of, payload))).body["errorReason"];
    expect(await code(await claimOf(session, [voucher], { "0": "10001" }))).toBe("charge_exceeded");
    const forged = { ...(await claimOf(session, [voucher])), signature: "00".repeat(64) };
    expect(await code(forged)).toBe("invalid_signature");
    const other = await newSession(ledger());
    expect(await code(await claimOf(other, [await voucherOf(other)]), other)).toBe("session_unknown");
    const beyond = await voucherOf(session, { maxClaimableAmount: "100001" as Amount });
    expect(await code(await claimOf(session, [beyond]))).toBe("session_exhausted");
    expect(await account(session.payer.account)).toMatchObject({ balance: String(GRANT), held: "100000" });
  });

  test("is shown with its entry to a caller who presents the signed session [session-entry]", async () => {
    const session = await opened();
    const { channelConfig, publicKey, signature } = (await depositOf(session)).paymentPayload.payload as DepositPayload;
    const ask = (amount: string, changes: object = {}) =>
      call("/sessions/entry", { session: { channelConfig, publicKey, signature, ...changes }, lane: "0", amount });
    expect((await ask("10000")).body).toEqual({
      network: NETWORK,
      ledger: ledger(),
      payer: session.payer.account,
      id: session.id,
      claimed: "0",
    });
    const { claim, signature: claimSignature } = await claimOf(session, [await voucherOf(session)], { "0": "7500" });
    await settle(settling(session, await claimOf(session, [await voucherOf(session)], { "0": "7500" })));
    const { body } = await ask("7500");
    const { entry, checkpoint } = body as { entry: JournalEntry; checkpoint: object };
    expect(body).toMatchObject({
      claimed: "7500",
      claim: claimDigest(claim),
      transaction: claimTransaction(NETWORK, claim),
      value: "7500",
      signed: { claim, signature: claimSignature },
    });
    expect(entry).toMatchObject({ account: session.payer.account, kind: "debit", cause: "claim", session: session.id, value: "7500" });
    expect(checkpoint).toMatchObject({ account: session.payer.account, seq: entry.seq, head: entry.hash });
    expect((await ask("7501")).body).toMatchObject({ claimed: "7500" });
    expect((await ask("7501")).body).not.toHaveProperty("claim");
    // Who knows the id alone learns nothing of the account.
    expect(await ask("7500", { signature: "00".repeat(64) })).toMatchObject({ status: 402, body: { error: "invalid_signature" } });
    const other = { channelConfig: { ...channelConfig, ledger: "00".repeat(32) } };
    expect((await ask("7500", other)).body).toMatchObject({ error: "ledger_mismatch" });
    expect((await ask("0")).status).toBe(400);
  });

  test("that is final gives the rest back at once [session-final]", async () => {
    const session = await opened();
    await settle(settling(session, await claimOf(session, [await voucherOf(session)])));
    const final = await settle(settling(session, await claimOf(session, [])));
    expect(final.body).toMatchObject({ success: true, transaction: "", amount: "0" });
    expect(await account(session.payer.account)).toMatchObject({ balance: String(GRANT - 10_000n), held: "0" });
    expect((await standing(session)).body).toMatchObject({ status: "closed", claimed: "10000" });
    const late = await voucherOf(session, { serial: "2", maxClaimableAmount: "20000" as Amount });
    expect((await settle(settling(session, await claimOf(session, [late])))).body).toMatchObject({ errorReason: "session_closed" });
  });
});

describe("a withdrawal", () => {
  test.each(["payer", "agent"] as const)(
    "by the %s closes after the delay, in which the merchant still claims [session-withdraw]",
    async (who) => {
      const session = await opened();
      const first = await call("/sessions/withdraw", await withdrawalOf(session, session[who]));
      expect(first).toMatchObject({ status: 200, body: { success: true, network: NETWORK, id: session.id, status: "closing" } });
      const again = await call("/sessions/withdraw", await withdrawalOf(session, session[who]));
      expect(again.body).toMatchObject({ closesAt: first.body["closesAt"], withdrawRequestedAt: first.body["withdrawRequestedAt"] });
      expect(Number(first.body["closesAt"])).toBe(Number(first.body["withdrawRequestedAt"]) + 900);

      const claimed = await settle(settling(session, await claimOf(session, [await voucherOf(session)])));
      expect(claimed.body).toMatchObject({ success: true, amount: "10000" });
      expect(await account(session.payer.account)).toMatchObject({ held: "90000" });
    },
  );

  test("by any other key, or of an unknown session, is refused with words of its own", async () => {
    const session = await opened();
    const stranger = await newPayer();
    for (const signer of [stranger, merchant, receiver]) {
      const refused = await call("/sessions/withdraw", await withdrawalOf(session, signer));
      expect(refused).toMatchObject({
        status: 402,
        body: { error: "invalid_signature", problem: { message: expect.stringContaining("withdrawal") } },
      });
    }
    const unknown = await newSession(ledger());
    expect((await call("/sessions/withdraw", await withdrawalOf(unknown))).body).toMatchObject({ error: "session_unknown" });
    expect((await call("/sessions/withdraw", { withdrawal: 7 })).body).toMatchObject({ error: "invalid_payload" });
    expect((await standing(session)).body).toMatchObject({ status: "open" });
  });
});

test("the facilitator lists the scheme, with its ledger", async () => {
  const { kinds } = (await call("/supported")).body as { kinds: object[] };
  expect(kinds).toContainEqual({ x402Version: 2, scheme: "batch-settlement", network: NETWORK, extra: { ledger: ledger() } });
});

test("a session is read by its payer and its id, in their right spelling", async () => {
  const { session, id } = await newSession(ledger());
  expect((await call(`/sessions/${NETWORK}/${session.from}/${id.toUpperCase()}`)).body).toMatchObject({ error: "invalid_payload" });
  expect((await call(`/sessions/logos:other/${session.from}/${id}`)).body).toMatchObject({ error: "invalid_payload" });
  expect((await call(`/sessions/${NETWORK}/${session.from}/${id}`)).body).toMatchObject({ status: "unknown", at: expect.any(Number) });
});
