/** A deposit, wrong in one way at a time. spec/scheme_batch_settlement_lez.md. */

import { describe, expect, test } from "vitest";
import { change } from "../../test/fields.ts";
import {
  agent,
  LEDGER,
  merchant,
  NOW,
  owner,
  receiver,
  REQUEST,
  SESSION,
  SESSION_MANDATE,
  sessionOffer,
  sessionRequest,
  stranger,
  VOUCHER,
} from "../../test/fixtures.ts";
import { canonicalJson, type Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { X402_VERSION } from "../lez.ts";
import type { Amount } from "../protocol/amount.ts";
import { approvalNonce } from "../protocol/authorization.ts";
import { type Mandate, mandateDigest, signMandate } from "../protocol/mandate.ts";
import { checkSessionRequest, requestDigest } from "../protocol/payment-request.ts";
import { sessionFor, sessionWithin } from "../protocol/session-approval.ts";
import { type Session, sessionId, signSession } from "../protocol/session.ts";
import type { WalletSigner } from "../protocol/signer.ts";
import { signVoucher, type Voucher } from "../protocol/voucher.ts";
import type { PaymentRequirements } from "../x402/x402.ts";
import { objectionToSession, verifyDeposit } from "./deposit.ts";

const OTHER = "00".repeat(32) as Digest;
const CONTEXT = { now: NOW, ledger: LEDGER };

interface Deposit {
  payload: object;
  asked: PaymentRequirements;
}

interface Wrong {
  session?: Partial<Session>;
  voucher?: Partial<Voucher>;
  /** What the payer accepted; what the merchant asks. */
  accepted?: Partial<PaymentRequirements>;
  asked?: Partial<PaymentRequirements>;
  mandate?: Partial<Mandate>;
  /** The keys that sign the mandate, the session and the voucher. */
  grants?: WalletSigner;
  opens?: WalletSigner;
  vouches?: WalletSigner;
  /** Done to the payload when everything is signed. */
  after?: (payload: object) => object;
}

const REQUEST_DIGEST = "7e".repeat(32) as Digest;
const OF_REQUEST = { requestDigest: REQUEST_DIGEST, nonce: approvalNonce(owner.account, REQUEST_DIGEST) };

async function made(wrongs: Wrong[], mandated: boolean): Promise<Deposit> {
  const { grants = owner, opens = mandated ? agent : owner, vouches = agent } = Object.assign({}, ...wrongs) as Wrong;
  const mandate = Object.assign({}, SESSION_MANDATE, ...wrongs.map(({ mandate }) => mandate)) as Mandate;
  const named = mandated ? { ...OF_REQUEST, mandate: mandateDigest(mandate) } : {};
  const session = Object.assign({}, SESSION, named, ...wrongs.map(({ session }) => session)) as Session;
  const voucher = Object.assign({}, VOUCHER, { session: sessionId(session) }, ...wrongs.map(({ voucher }) => voucher)) as Voucher;
  const deposit = {
    type: "deposit",
    channelConfig: session,
    ...(await signSession(session, opens)),
    ...(mandated && { mandate: await signMandate(mandate, grants) }),
    ...(await signVoucher(voucher, vouches)),
  };
  const accepted = sessionOffer(Object.assign({}, ...wrongs.map(({ accepted }) => accepted)) as object);
  const asked = sessionOffer(Object.assign({}, ...wrongs.map(({ asked }) => asked)) as object);
  const payload = { x402Version: X402_VERSION, resource: { url: REQUEST.url }, accepted, payload: deposit };
  return { payload: wrongs.reduce<object>((current, { after }) => after?.(current) ?? current, payload), asked };
}

const byOwner = (...wrongs: Wrong[]) => made(wrongs, false);
const byAgent = (...wrongs: Wrong[]) => made(wrongs, true);
const verify = ({ payload, asked }: Deposit, context = {}) => verifyDeposit(payload, asked, { ...CONTEXT, ...context });

const extraOf = (changes: object) => ({ extra: { ...sessionOffer().extra, ...changes } });
const both = (changes: Partial<PaymentRequirements>): Wrong => ({ accepted: changes, asked: changes });
const amount = (value: string) => value as Amount;
const later = (seconds: number) => String(NOW + seconds);

describe("a deposit by the owner", () => {
  test("verifies, and says what the ledger needs", async () => {
    expect(await verify(await byOwner())).toMatchObject({
      ok: true,
      session: {
        id: sessionId(SESSION),
        config: canonicalJson(SESSION),
        payer: owner.account,
        nonce: SESSION.nonce,
        payee: merchant.account,
        signer: agent.publicKey,
        receiver: receiver.publicKey,
        deposit: "1000000",
        validAfter: NOW,
        validBefore: NOW + 900,
        expiresAt: NOW + 86_400,
        withdrawDelay: 900,
      },
      deposit: { voucher: VOUCHER },
    });
  });

  test("verifies as the approval of its request", async () => {
    const request = await sessionRequest();
    const checked = await checkSessionRequest(request, NOW);
    if (!checked.ok) throw new Error(checked.code);
    const session = sessionFor(request, checked, owner.account, NOW);
    expect(await verify(await byOwner({ session }))).toMatchObject({ ok: true, session: { requestDigest: requestDigest(request) } });
  });

  test("verifies to the last second and unit", async () => {
    const edge = {
      session: { validAfter: later(30), validBefore: later(43_230), expiresAt: later(86_430), deposit: amount("10000") },
      voucher: { maxClaimableAmount: amount("10000") },
    };
    expect(await verify(await byOwner(edge))).toMatchObject({ ok: true });
    const longest = { session: { expiresAt: later(604_800) }, ...both(extraOf({ maxSessionSeconds: undefined })) };
    expect(await verify(await byOwner(longest))).toMatchObject({ ok: true });
  });

  test("verifies under a hint of a larger deposit", async () => {
    expect(await verify(await byOwner(both(extraOf({ minDeposit: "5000000" }))))).toMatchObject({ ok: true });
  });

  test("that is late is left to a ledger that may have opened it", async () => {
    const old = await byOwner({ session: { validAfter: later(-9), validBefore: later(-1), expiresAt: later(60) } });
    expect(await verify(old, { expiryIsTheLedgers: true })).toMatchObject({ ok: true });
  });
});

type Row = [name: string, code: ErrorCode, wrong: Wrong];
const without = (path: string): Wrong => ({ after: (payload) => change(payload, path, undefined) });
const withPart = (path: string, value: unknown): Wrong => ({ after: (payload) => change(payload, path, value) });

/** In the order in which they are checked; the number says which are one check. */
const ROWS: Row[] = [
  ["01: of another version", "invalid_x402_version", withPart("x402Version", 1)],
  ["02: without accepted", "invalid_payload", without("accepted")],
  ["02: of another type", "invalid_payload", withPart("payload.type", "voucher")],
  ["02: of no type", "invalid_payload", without("payload.type")],
  ["02: without a voucher", "invalid_payload", without("payload.voucher")],
  ["02: without a signature of the voucher", "invalid_payload", without("payload.voucherSignature")],
  ["02: with a session of an unknown member", "invalid_payload", { session: { refundTo: "x" } as never }],
  ["02: with a session that ends before it can be opened", "invalid_payload", { session: { expiresAt: later(899) } }],
  ["02: with a session of more than seven days", "invalid_payload", { session: { expiresAt: later(604_801) } }],
  ["03: of another scheme", "unsupported_scheme", both({ scheme: "exact" })],
  ["03: of another scheme than asked", "unsupported_scheme", { accepted: { scheme: "exact" } }],
  ["04: on another network", "invalid_network", { session: { network: "logos:other" } }],
  ["04: on another network than asked", "invalid_network", { asked: { network: "logos:other" } }],
  ["05: of another asset", "asset_mismatch", { session: { asset: "other" } }],
  ["06: with another payee accepted", "recipient_mismatch", { accepted: { payTo: stranger.account } }],
  ["07: with another amount accepted", "amount_mismatch", { accepted: { amount: "9999" } }],
  ["08: with another ledger accepted", "ledger_mismatch", { accepted: extraOf({ ledger: OTHER }) }],
  ["08: with another binding accepted", "binding_mismatch", { accepted: extraOf({ binding: OTHER }) }],
  ["08: with another receiver accepted", "offer_mismatch", { accepted: extraOf({ receiverAuthorizer: OTHER }) }],
  ["09: with splits", "unsupported_extra", both(extraOf({ splits: [{ payTo: owner.account, amount: "1" }] }))],
  ["09: without a receiver offered", "unsupported_extra", both(extraOf({ receiverAuthorizer: undefined }))],
  ["10: on another ledger than this", "ledger_mismatch", { session: { ledger: OTHER }, ...both(extraOf({ ledger: OTHER })) }],
  ["11: to another account", "recipient_mismatch", { session: { to: stranger.account } }],
  ["11: to the payer itself", "recipient_mismatch", { session: { to: owner.account }, ...both({ payTo: owner.account }) }],
  ["12: for another ledger", "ledger_mismatch", { session: { ledger: OTHER } }],
  ["13: for another receiver", "offer_mismatch", { session: { receiver: stranger.publicKey } }],
  ["13: with a shorter delay", "offer_mismatch", { session: { withdrawDelay: "900" }, ...both(extraOf({ withdrawDelay: 901 })) }],
  ["13: with a longer delay", "offer_mismatch", { session: { withdrawDelay: "901" } }],
  ["13: for longer than offered", "offer_mismatch", { session: { expiresAt: later(86_401) } }],
  ["14: signed by the payee's own key", "invalid_payload", { session: { signer: receiver.publicKey }, vouches: receiver }],
  ["14: signed by the key of the account", "invalid_payload", { session: { signer: owner.publicKey }, vouches: owner }],
  ["15: with a nonce that is not that of its request", "invalid_payload", { session: { requestDigest: REQUEST_DIGEST, nonce: OTHER } }],
  ["16: from the future", "payment_not_yet_valid", { session: { validAfter: later(31) } }],
  ["16: too late", "payment_expired", { session: { validAfter: later(-9), validBefore: later(-1), expiresAt: later(60) } }],
  ["16: open for opening too long", "validity_too_long", { session: { validBefore: later(43_231) } }],
  ["17: with a voucher of another session", "invalid_payload", { voucher: { session: OTHER } }],
  ["18: with a voucher for another request", "binding_mismatch", { voucher: { binding: OTHER } }],
  ["18: with a voucher for no request", "binding_mismatch", { voucher: { binding: undefined } }],
  ["19: with a voucher beyond the deposit", "session_exhausted", { voucher: { maxClaimableAmount: amount("1000001") } }],
  ["20: with a voucher below the amount", "voucher_out_of_step", { voucher: { maxClaimableAmount: amount("9999") } }],
];

const SIGNATURES: Row[] = [
  ["21: with a mandate that the session does not name", "invalid_payload", withPart("payload.mandate", {})],
  ["22: signed by another key", "invalid_signature", { opens: stranger }],
  ["22: signed by the agent, without a mandate", "invalid_signature", { opens: agent }],
  ["22: signed as another session", "invalid_signature", withPart("payload.signature", "00".repeat(64))],
  ["23: with a voucher that another key signed", "invalid_signature", { vouches: owner }],
];

const UNDER_A_MANDATE: Row[] = [
  ["m1: without the mandate beside it", "invalid_payload", without("payload.mandate")],
  ["m1: with a mandate of an unknown member", "invalid_payload", { mandate: { maxPerDay: "1" } as never }],
  ["m1: with another mandate than the one it names", "invalid_payload", { session: { mandate: OTHER } }],
  ["m2: under a mandate of another ledger", "mandate_mismatch", { mandate: { ledger: OTHER } }],
  ["m2: under a mandate of another account", "mandate_mismatch", { mandate: { from: merchant.account } }],
  ["m2: under a mandate without sessions", "mandate_mismatch", { mandate: { schemes: ["exact"], session: undefined } }],
  ["m2: under a mandate for another payee", "mandate_mismatch", { mandate: { payees: [stranger.account] } }],
  ["m2: under a mandate for another origin", "mandate_mismatch", { mandate: { origins: ["https://shop.example"] } }],
  ["m2a: with vouchers by a third key", "mandate_mismatch", { session: { signer: stranger.publicKey }, vouches: stranger }],
  ["m3: for no request", "invalid_payload", { session: { requestDigest: undefined } }],
  ["m4: from before the mandate", "mandate_expired", { mandate: { validAfter: later(1) } }],
  ["m4: beyond the mandate's end", "mandate_expired", { mandate: { validBefore: later(86_399) } }],
  ["m5: with a larger deposit", "mandate_exceeded", { mandate: limits({ deposit: amount("999999") }) }],
  ["m5: for longer", "mandate_exceeded", { mandate: limits({ seconds: "86399" }) }],
  ["m5: with a longer delay", "mandate_exceeded", { session: { withdrawDelay: "901" }, ...both(extraOf({ withdrawDelay: 901 })) }],
  ["m6: under a mandate by another account's key", "invalid_signature", { grants: merchant }],
  ["m6: under a mandate by the agent itself", "invalid_signature", { grants: agent }],
  ["m7: signed by the owner's key", "invalid_signature", { opens: owner }],
  ["m7: signed by a third key", "invalid_signature", { opens: stranger }],
  ["v: with a voucher that the owner signed", "invalid_signature", { vouches: owner }],
];

function limits(changes: Partial<NonNullable<Mandate["session"]>>): Partial<Mandate> {
  return { session: { deposit: amount("1000000"), seconds: "86400", withdrawDelay: "900", open: "1", ...changes } };
}

const rank = ([name]: Row) => name.slice(0, name.indexOf(":"));

/** Each row with those of the check that comes next: if all neighbours are in order, all are. */
function neighbours(rows: readonly Row[]): [string, Row, Row][] {
  const ranks = [...new Set(rows.map(rank))];
  return rows.flatMap((row) => {
    const next = rows.filter((other) => rank(other) === ranks[ranks.indexOf(rank(row)) + 1]);
    return next.map((other): [string, Row, Row] => [`${row[0]}, before ${other[0]}`, row, other]);
  });
}

describe("is refused:", () => {
  test.each([...ROWS, ...SIGNATURES])("%s", async (_, code, wrong) => {
    expect(await verify(await byOwner(wrong))).toMatchObject({ ok: false, code });
  });

  test.each(UNDER_A_MANDATE)("%s", async (_, code, wrong) => {
    expect(await verify(await byAgent(wrong))).toMatchObject({ ok: false, code, payer: owner.account, detail: expect.any(String) });
  });

  test.each(neighbours([...ROWS, ...SIGNATURES]))("%s", async (_, [, code, wrong], [, , alsoWrong]) => {
    expect(await verify(await byOwner(alsoWrong, wrong))).toMatchObject({ code });
  });

  test.each(neighbours(UNDER_A_MANDATE))("%s", async (_, [, code, wrong], [, , alsoWrong]) => {
    expect(await verify(await byAgent(alsoWrong, wrong))).toMatchObject({ code });
  });
});

describe("a deposit under a mandate", () => {
  test("verifies, and says what the ledger has to count", async () => {
    const result = await verify(await byAgent());
    expect(result).toMatchObject({ ok: true, session: { payer: owner.account, requestDigest: REQUEST_DIGEST } });
    expect(result.ok && result.session.mandate).toEqual({
      digest: mandateDigest(SESSION_MANDATE),
      grantedAt: NOW - 60,
      validAfter: NOW - 60,
      validBefore: NOW + 86_400,
      total: "300000",
      period: { seconds: 3600, amount: "20000", count: 3 },
      session: { deposit: "1000000", open: 1 },
    });
  });

  test("verifies as the agent makes it of its own request", async () => {
    const request = await sessionRequest();
    const checked = await checkSessionRequest(request, NOW);
    if (!checked.ok) throw new Error(checked.code);
    const session = sessionWithin(SESSION_MANDATE, request, checked, NOW);
    expect(await verify(await byAgent({ session }))).toMatchObject({ ok: true, session: { requestDigest: requestDigest(request) } });
  });

  test("may set more aside than one payment may cost: its limits are its own", async () => {
    expect(await verify(await byAgent({ mandate: { perPayment: amount("1") } }))).toMatchObject({ ok: true });
  });
});

describe("a merchant's own terms", () => {
  const own = {
    payTo: merchant.account,
    ledger: LEDGER,
    receiver: receiver.publicKey,
    withdrawDelay: 900,
    maxSessionSeconds: 86_400,
    origin: SESSION.origin,
  };

  test("fit its session", () => expect(objectionToSession(SESSION, own)).toBeUndefined());

  test.each([
    ["payTo", stranger.account, "recipient_mismatch"],
    ["ledger", OTHER, "ledger_mismatch"],
    ["receiver", stranger.publicKey, "offer_mismatch"],
    ["withdrawDelay", 901, "offer_mismatch"],
    ["maxSessionSeconds", 86_399, "offer_mismatch"],
    ["origin", "https://shop.example", "offer_mismatch"],
  ])("with another %s do not", (member, value, code) => {
    expect(objectionToSession(SESSION, { ...own, [member]: value })).toMatchObject({ code });
  });
});
