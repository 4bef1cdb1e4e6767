import { beforeAll, describe, expect, test } from "vitest";
import upstream from "../../test/vectors/lez/upstream.json" with { type: "json" };
import { bytesToHex, fromBase64, hexToBytes, toBase64, utf8 } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { MAX_FACILITATOR_BODY_BYTES } from "../limits.ts";
import { parseJson } from "../text/json.ts";
import { paymentPayloadSchema } from "../x402/x402.ts";
import { BRIDGE_ACCOUNT, CLOCK_ACCOUNTS, FEE_ACCOUNTS, type LezAccountId, lezAccountOfBytes, lezAccountOfKey } from "./account.ts";
import { decodeExactly } from "./borsh.ts";
import { type NativeStatement, statementDigest } from "./statement.ts";
import {
  BUYER,
  BUYER_KEY,
  CONTEXT,
  GENESIS,
  innerOf,
  NOW,
  OFFER,
  payloadOf,
  SELLER,
  SELLER_KEY,
  signStatement,
  signTransfer,
  statementOf,
  TERMS,
} from "./testing/payment.ts";
import { encodeTransaction, type PublicTransaction, readTransaction } from "./transaction.ts";
import { encodeTransfer, type NativeTransfer, transferHash } from "./transfer.ts";
import { type NativeVerifyContext, verifyNative } from "./verify.ts";

const TRANSFER = signTransfer();
const INNER = innerOf(TRANSFER);
const WIRE = encodeTransfer(TRANSFER);
const P = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";
const N = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

interface Mutant {
  payload?: object;
  inner?: object;
  asked?: object;
  accepted?: object;
  context?: Partial<NativeVerifyContext>;
}

function judge({ inner = INNER, asked = OFFER, accepted = asked, payload = payloadOf(inner, accepted), context = {} }: Mutant) {
  return verifyNative(payload, asked, { ...CONTEXT, ...context });
}

function codeOf(mutant: Mutant): string {
  const result = judge(mutant);
  return result.ok ? "accepted" : result.code;
}

/** The offer with other members in `extra`. */
const extra = (members: object) => ({ asked: { ...OFFER, extra: { ...OFFER.extra, ...members } } });
/** Another transfer, whole: signed, and with a statement about it. */
const other = (changed: Partial<NativeTransfer>): Mutant => ({ inner: innerOf(signTransfer({ ...TERMS, ...changed })) });
/** Another statement, signed. */
const stating = (changed: Partial<NativeStatement>): Mutant => ({ inner: innerOf(TRANSFER, { ...statementOf(), ...changed }) });
/** The transaction with another part, signed as it was. */
const transaction = (change: (was: PublicTransaction) => object): Mutant => {
  const was = read();
  return { inner: { ...INNER, signedTx: toBase64(encodeTransaction({ ...was, ...change(was) })) } };
};
const read = (): PublicTransaction => {
  const decoded = decodeExactly(WIRE, readTransaction);
  if (!decoded.ok) throw new Error(decoded.problem);
  return decoded.value.transaction;
};
const signedTx = (text: string): Mutant => ({ inner: { ...INNER, signedTx: text } });
const account = (byte: number) => lezAccountOfBytes(new Uint8Array(32).fill(byte));
const anotherSelector = (at: number, change: object) =>
  transaction(({ selectors }) => ({ selectors: selectors.map((selector, i) => (i === at ? { ...selector, ...change } : selector)) }));

test("the valid payment is accepted, and says what the lane needs [native-valid]", () => {
  expect(judge({})).toEqual({
    ok: true,
    payment: {
      h: transferHash(TERMS),
      transaction: expect.stringMatching(/^[0-9a-f]{64}$/),
      wire: toBase64(WIRE),
      payer: BUYER,
      payee: SELLER,
      value: 10_000n,
      nonce: 7n,
      maxFee: 26_712n,
      fingerprint: statementDigest(statementOf()),
      finality: "head",
      validBefore: NOW + 900,
    },
  });
});

test("a transfer that another toolkit signed is accepted without a statement, where the offer needs none", () => {
  const made = upstream.ground_truth.logos_kit_signed;
  const from = made.from as LezAccountId;
  const fee = { payer: from, gasLimit: BigInt(made.gasLimit), tip: 0n, maxFee: BigInt(made.maxFee) };
  const witness = { signature: hexToBytes(made.signature), publicKey: hexToBytes(made.publicKey) };
  const wire = encodeTransfer({ from, to: made.to as LezAccountId, value: 1000n, nonce: 0n, fee, ...witness });
  const asked = { ...OFFER, amount: made.amount, payTo: made.to, extra: { ...OFFER.extra, maxFee: "1000000", statement: "optional" } };
  const result = judge({ inner: { signedTx: toBase64(wire) }, asked });
  expect(result).toMatchObject({ ok: true, payment: { h: made.hash, transaction: made.txHash, validBefore: NOW + 900 } });
  // It belongs to the request that it is presented for first: another one is another purchase.
  const elsewhere = judge({
    inner: { signedTx: toBase64(wire) },
    asked: { ...asked, extra: { ...asked.extra, binding: "b2".repeat(32) } },
  });
  expect(result.ok && elsewhere.ok && result.payment.fingerprint === elsewhere.payment.fingerprint).toBe(false);
});

describe("each row refuses, with its code [native-rows]", () => {
  test.each<[row: string, fault: string, code: string, mutant: Mutant]>([
    ["1", "no payload", "invalid_payload", { payload: [] }],
    ["1", "no accepted terms", "invalid_payload", { payload: { x402Version: 2, payload: INNER } }],
    ["1", "requirements without an amount", "invalid_payload", { asked: { ...OFFER, amount: undefined }, accepted: OFFER }],
    ["1", "x402 version 1", "invalid_x402_version", { payload: { ...payloadOf(INNER), x402Version: 1 } }],

    ["2", "another scheme is asked", "unsupported_scheme", { asked: { ...OFFER, scheme: "upto" }, accepted: OFFER }],
    ["2", "another scheme is accepted", "unsupported_scheme", { accepted: { ...OFFER, scheme: "upto" } }],
    ["2", "the mock's network", "invalid_network", { asked: { ...OFFER, network: "logos:lez-testnet" } }],
    ["2", "the devnet's network is accepted", "invalid_network", { accepted: { ...OFFER, network: "lez:devnet" } }],
    ["2", "another asset", "asset_mismatch", { asked: { ...OFFER, asset: "token" } }],

    ["3", "another transfer method", "unsupported_extra", extra({ assetTransferMethod: "eip3009" })],
    ["3", "no transfer method", "unsupported_extra", extra({ assetTransferMethod: null })],
    ["3", "a flow with a hold", "unsupported_extra", extra({ paymentFlow: "authorization" })],
    ["3", "another dialect", "unsupported_extra", extra({ dialect: "v0.2" })],
    ["3", "a finality that is not offered", "unsupported_extra", extra({ finality: "depth:3" })],
    ["3", "an unknown word about statements", "unsupported_extra", extra({ statement: "maybe" })],
    ["3", "splits", "unsupported_extra", extra({ splits: [{ payTo: SELLER }] })],
    ["3", "a fee cap above the facilitator's", "unsupported_extra", extra({ maxFee: "1000001" })],
    ["3", "a fee cap that is a number", "unsupported_extra", extra({ maxFee: 100_000 })],
    ["3", "no fee cap", "unsupported_extra", extra({ maxFee: undefined })],
    ["3", "a binding that is no digest", "unsupported_extra", extra({ binding: "b1" })],

    ["4", "another chain", "ledger_mismatch", extra({ ledger: "6e".repeat(32) })],
    ["4", "no chain", "ledger_mismatch", extra({ ledger: undefined })],
    ["4", "other terms are accepted", "offer_mismatch", { accepted: { ...OFFER, extra: { ...OFFER.extra, finality: "final" } } }],
    ["4", "another amount is accepted", "amount_mismatch", { accepted: { ...OFFER, amount: "9999" } }],

    ["5", "no transaction", "invalid_payload", { inner: {} }],
    ["5", "base64url", "invalid_payload", signedTx(INNER.signedTx.replaceAll("+", "-").replaceAll("/", "_"))],
    ["5", "padding is missing", "invalid_payload", signedTx(INNER.signedTx.replace(/=+$/, ""))],
    ["5", "white space", "invalid_payload", signedTx(`${INNER.signedTx}\n`)],
    ["5", "495 characters", "invalid_payload", signedTx(INNER.signedTx.slice(1))],
    ["5", "497 characters", "invalid_payload", signedTx(`${INNER.signedTx}A`)],
    ["5", "a megabyte", "invalid_payload", signedTx("A".repeat(1_000_000))],
    ["5", "a byte too many", "invalid_payload", signedTx(toBase64(Uint8Array.from([...WIRE, 0])))],
    ["5", "a private transaction", "invalid_payload", signedTx(toBase64(WIRE.with(0, 1)))],
    ["5", "a deployment of v0.2", "invalid_payload", signedTx(upstream.ground_truth.v0_2_4.deploy.base64)],
    ["5", "a transaction of v0.2", "invalid_payload", signedTx(upstream.ground_truth.v0_2_4.txs[0]?.base64 ?? "")],

    ["6", "another program", "invalid_payload", transaction(() => ({ program: account(9) }))],
    ["6", "another shard of the payer", "invalid_payload", anotherSelector(0, { program: account(9) })],
    ["6", "another shard of the payee", "invalid_payload", anotherSelector(1, { program: account(9) })],
    ["6", "three accounts", "invalid_payload", transaction(({ selectors }) => ({ selectors: [...selectors, ...selectors.slice(1)] }))],
    ["6", "two nonces", "invalid_payload", transaction(() => ({ nonces: [7n, 8n] }))],
    ["6", "two witnesses", "invalid_payload", transaction(({ witnesses }) => ({ witnesses: [...witnesses, ...witnesses] }))],
    ["6", "no fee", "invalid_payload", transaction(() => ({ fee: undefined }))],
    ["6", "16 bytes of instruction", "invalid_payload", transaction(() => ({ instruction: new Uint8Array(16) }))],
    ["6", "18 bytes of instruction", "invalid_payload", transaction(() => ({ instruction: new Uint8Array(18) }))],

    ["7", "another instruction", "amount_mismatch", transaction(({ instruction }) => ({ instruction: instruction.with(0, 1) }))],
    ["7", "a lepton less", "amount_mismatch", other({ value: 9_999n })],
    ["7", "a lepton more", "amount_mismatch", other({ value: 10_001n })],
    ["7", "nothing", "amount_mismatch", { ...other({ value: 0n }), asked: { ...OFFER, amount: "0" } }],

    ["8", "another payee", "recipient_mismatch", other({ to: account(9) })],
    ["8", "the payer pays itself", "recipient_mismatch", { ...other({ to: BUYER }), asked: { ...OFFER, payTo: BUYER } }],
    ...[...CLOCK_ACCOUNTS, ...FEE_ACCOUNTS, BRIDGE_ACCOUNT].map(
      (to) =>
        ["8", `the chain's own ${to}`, "recipient_mismatch", { ...other({ to }), asked: { ...OFFER, payTo: to } }] as [
          string,
          string,
          string,
          Mutant,
        ],
    ),

    ["9", "another pays the fee", "fee_rejected", other({ fee: { ...TERMS.fee, payer: SELLER } })],
    ["9", "more gas than a block has", "fee_rejected", other({ fee: { ...TERMS.fee, gasLimit: 10_000_001n } })],
    ["9", "a tip", "fee_rejected", other({ fee: { ...TERMS.fee, tip: 1n } })],
    ["9", "a fee above the cap", "fee_rejected", other({ fee: { ...TERMS.fee, maxFee: 100_001n } })],
    ["9", "the fee that the public wallet declares", "fee_rejected", other({ fee: { ...TERMS.fee, maxFee: 2n ** 127n - 1n } })],

    ["10", "no statement", "binding_mismatch", { inner: { signedTx: INNER.signedTx } }],
    ["10", "a statement without a signature", "invalid_payload", { inner: { ...INNER, signature: undefined } }],
    ["10", "a signature without a statement", "invalid_payload", { inner: { ...INNER, statement: undefined } }],
    ["10", "an unknown member", "invalid_payload", { inner: { ...INNER, statement: { ...statementOf(), memo: "1" } } }],
    ["10", "about another transaction", "binding_mismatch", stating({ messageHash: "ab".repeat(32) as Digest })],
    ["10", "for another request", "binding_mismatch", stating({ binding: "b2".repeat(32) as Digest })],
    ["10", "for no request", "binding_mismatch", stating({ binding: undefined })],
    ["10", "for a request that the offer does not name", "binding_mismatch", extra({ binding: undefined })],
    ["10", "on another chain", "ledger_mismatch", stating({ ledger: "6e".repeat(32) as Digest })],
    ["10", "on another network", "ledger_mismatch", stating({ network: "lez:devnet" })],
    ["10", "not valid yet", "payment_not_yet_valid", stating({ validAfter: String(NOW + 31) })],
    ["10", "expired", "payment_expired", stating({ validBefore: String(NOW - 1) })],
    ["10", "valid for too long", "validity_too_long", stating({ validBefore: String(NOW + 931) })],

    ["11", "another account's money", "invalid_signature", other({ from: account(9), fee: { ...TERMS.fee, payer: account(9) } })],
    ["11", "a key that is no point", "invalid_signature", { inner: offCurve() }],

    [
      "12",
      "another key signed the transaction",
      "invalid_signature",
      { inner: innerOf({ ...TRANSFER, signature: signTransfer(TERMS, SELLER_KEY).signature }) },
    ],
    ["12", "another key signed the statement", "invalid_signature", { inner: innerOf(TRANSFER, statementOf(), SELLER_KEY) }],
    [
      "12",
      "the transaction's signature under the statement",
      "invalid_signature",
      { inner: { ...INNER, signature: bytesToHex(TRANSFER.signature) } },
    ],
    ["12", "R is not below p", "invalid_signature", witnessed(P + bytesToHex(TRANSFER.signature.subarray(32)))],
    ["12", "S is not below n", "invalid_signature", witnessed(bytesToHex(TRANSFER.signature.subarray(0, 32)) + N)],
    ["12", "zeros", "invalid_signature", witnessed("00".repeat(64))],
  ])("row %s: %s is %s", (_, __, code, mutant) => expect(codeOf(mutant)).toBe(code));
});

/** The transfer with another signature, and a statement about it. */
function witnessed(signature: string): Mutant {
  return { inner: innerOf({ ...TRANSFER, signature: hexToBytes(signature) }) };
}

/** A transfer of the account that a key off the curve would have. */
function offCurve() {
  const publicKey = hexToBytes("eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34");
  const from = lezAccountOfKey(publicKey);
  const terms = { ...TERMS, from, fee: { ...TERMS.fee, payer: from } };
  return innerOf({ ...terms, publicKey, signature: TRANSFER.signature });
}

test("row 1: a body above the limit is refused where it arrives", () => {
  const body = utf8(JSON.stringify({ ...payloadOf(INNER), more: "x".repeat(MAX_FACILITATOR_BODY_BYTES) }));
  expect(parseJson(body, MAX_FACILITATOR_BODY_BYTES, paymentPayloadSchema)).toMatchObject({ ok: false, code: "payload_too_large" });
});

test("what was sent in time is not called expired: the lane knows", () => {
  expect(codeOf({ ...stating({ validBefore: String(NOW - 1) }), context: { expiryIsTheLanes: true } })).toBe("accepted");
});

test("the second signature of one message is another transaction, and the same payment [native-same-message]", () => {
  const again = judge({ inner: innerOf(signTransfer(TERMS, BUYER_KEY, new Uint8Array(32).fill(1))) });
  const first = judge({});
  if (!again.ok || !first.ok) throw new Error("refused");
  expect(again.payment.transaction).not.toBe(first.payment.transaction);
  expect({ ...again.payment, transaction: "", wire: "" }).toEqual({ ...first.payment, transaction: "", wire: "" });
});

test("an offer that names no finality waits until its block is final from above 1 LGO on", () => {
  const finalityOf = (value: bigint) => {
    const { asked } = extra({ finality: undefined });
    const result = judge({ ...other({ value }), asked: { ...asked, amount: String(value) } });
    return result.ok && result.payment.finality;
  };
  expect([finalityOf(10n ** 9n), finalityOf(10n ** 9n + 1n)]).toEqual(["head", "final"]);
});

test("refusals that the payer can act on say what is wrong, and name the payer once it is known", () => {
  expect(judge(transaction(() => ({ nonces: [] })))).toEqual({
    ok: false,
    code: "invalid_payload",
    detail: "payload.signedTx: not a native transfer of v0.3: it has 0 nonces, not 1",
  });
  expect(judge(stating({ validBefore: String(NOW - 1) }))).toMatchObject({
    payer: BUYER,
    detail: "the clock here says 2026-09-21T14:13:20Z",
  });
  const ofSigner = [{ inner: offCurve() }, { inner: innerOf(TRANSFER, statementOf(), SELLER_KEY) }, witnessed("00".repeat(64))].map(judge);
  expect(ofSigner.map((result) => !result.ok && result.detail)).toEqual([
    "the key is no point of the curve",
    "payload.signature",
    "payload.signedTx",
  ]);
  expect(judge(other({ fee: { ...TERMS.fee, tip: 1n } }))).toMatchObject({ payer: BUYER, detail: "tip must be 0" });
});

describe("damage", () => {
  let wire: Uint8Array;
  beforeAll(() => {
    wire = fromBase64(INNER.signedTx) ?? WIRE;
  });

  test("every byte of the transaction, flipped, is refused without an exception [native-flipped]", () => {
    for (let at = 0; at < wire.length; at++) {
      // Of the signature every eighth: each costs a verification, and `npm run zone` tries them all.
      if (at >= 275 && at < 339 && at % 8 !== 3) continue;
      expect(codeOf(signedTx(toBase64(wire.with(at, (wire[at] ?? 0) ^ 1)))), String(at)).not.toBe("accepted");
    }
  });

  test("every digit of the statement and of its signature, changed, is refused", () => {
    const { statement, signature = "" } = INNER;
    const changed = (text: string, at: number) => text.slice(0, at) + (text[at] === "1" ? "2" : "1") + text.slice(at + 1);
    for (const member of ["ledger", "messageHash", "validAfter", "validBefore", "binding"] as const) {
      const value = statement?.[member] ?? "";
      for (let at = 0; at < value.length; at += 8) {
        expect(codeOf({ inner: { ...INNER, statement: { ...statement, [member]: changed(value, at) } } }), `${member} ${at}`).not.toBe(
          "accepted",
        );
      }
    }
    for (let at = 0; at < signature.length; at += 16) {
      expect(codeOf({ inner: { ...INNER, signature: changed(signature, at) } }), String(at)).toBe("invalid_signature");
    }
    expect(codeOf({ inner: { ...INNER, signature: signStatement({ ...statementOf(), requestDigest: GENESIS }) } })).toBe(
      "invalid_signature",
    );
  });
});

test("anything at all is judged without an exception", () => {
  const odd = [undefined, null, 1, "", [], {}, { x402Version: 2 }, payloadOf({ signedTx: 1 }), payloadOf({ signedTx: "" })];
  for (const payload of odd) {
    for (const asked of [...odd, OFFER]) expect(verifyNative(payload, asked, CONTEXT).ok).toBe(false);
  }
  const lone = { ...OFFER, extra: { ...OFFER.extra, note: "\ud800", statement: "optional" } };
  expect(judge({ asked: lone, inner: { signedTx: INNER.signedTx } }).ok).toBe(true);
});

test("an Authorization, whatever proves it, pays nothing on the chain, and the answer says what does [native-no-authorization]", () => {
  for (const proof of [
    { publicKey: "11".repeat(32), signature: "22".repeat(64) },
    { proof: { kind: "policy" } },
    { proof: { kind: "webauthn" } },
  ]) {
    const refused = judge({ payload: payloadOf({ authorization: { from: BUYER }, ...proof }) });
    expect(refused).toMatchObject({
      ok: false,
      code: "invalid_payload",
      detail: expect.stringContaining("no passkey or policy") as string,
    });
  }
});
