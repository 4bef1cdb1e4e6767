import { expect, test } from "vitest";
import { agent, LEDGER, merchant, NOW, owner, receiver, SESSION, stranger, WITHDRAWAL } from "../../test/fixtures.ts";
import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { sessionId } from "../protocol/session.ts";
import type { WalletSigner } from "../protocol/signer.ts";
import { signWithdrawal, type Withdrawal } from "../protocol/withdrawal.ts";
import { verifyWithdrawal } from "./withdrawal.ts";

const OTHER = "00".repeat(32) as Digest;
const verify = async (changes: Partial<Withdrawal>, signer: WalletSigner) =>
  verifyWithdrawal(await signWithdrawal({ ...WITHDRAWAL, requestedAt: String(NOW), ...changes }, signer), SESSION, {
    now: NOW,
    ledger: LEDGER,
  });

test.each([
  ["payer", owner],
  ["agent", agent],
])("a withdrawal by the %s verifies, and names the session", async (_, signer) => {
  expect(await verify({}, signer)).toEqual({ ok: true, session: { payer: owner.account, id: sessionId(SESSION) } });
});

test("a withdrawal verifies at any age, and up to the clock's skew ahead: it closes one session, and again is the same", async () => {
  expect(await verify({ requestedAt: "0" }, owner)).toMatchObject({ ok: true });
  expect(await verify({ requestedAt: String(NOW + 30) }, owner)).toMatchObject({ ok: true });
});

test.each<[string, Partial<Withdrawal>, WalletSigner, ErrorCode]>([
  ["of another ledger", { ledger: OTHER }, owner, "ledger_mismatch"],
  ["of another account", { from: merchant.account }, merchant, "session_unknown"],
  ["from the future", { requestedAt: String(NOW + 31) }, owner, "invalid_payload"],
  ["by the payee", {}, merchant, "invalid_signature"],
  ["by the payee's key for claims", {}, receiver, "invalid_signature"],
  ["by a stranger", {}, stranger, "invalid_signature"],
])("a withdrawal %s is refused", async (_, changes, signer, code) => {
  expect(await verify(changes, signer)).toMatchObject({ ok: false, code });
});
