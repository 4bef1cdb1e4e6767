/** A claim, wrong in one way at a time. spec/scheme_batch_settlement_lez.md. */

import { describe, expect, test } from "vitest";
import { change } from "../../test/fields.ts";
import { agent, CLAIM, LEDGER, merchant, owner, receiver, SESSION, stranger, VOUCHER } from "../../test/fixtures.ts";
import { canonicalJson, type Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { MAX_CLAIMED_LANES, MAX_FACILITATOR_BODY_BYTES, MAX_SIGNED_CLAIM_LENGTH } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { type Claim, claimDigest, signClaim } from "../protocol/claim.ts";
import { type Session, sessionId } from "../protocol/session.ts";
import type { WalletSigner } from "../protocol/signer.ts";
import { signVoucher, type Voucher, voucherDigest } from "../protocol/voucher.ts";
import { verifyClaim } from "./claim.ts";

const OTHER = "00".repeat(32) as Digest;
const amount = (value: string) => value as Amount;
const laneOf = (i: number) => i.toString(16).padStart(32, "0");

interface Wrong {
  session?: Partial<Session>;
  claim?: Partial<Claim>;
  voucher?: Partial<Voucher>;
  claims?: WalletSigner;
  vouches?: WalletSigner;
  after?: (payload: object) => object;
}

async function payloadOf(...wrongs: Wrong[]): Promise<object> {
  const { claims = receiver, vouches = agent } = Object.assign({}, ...wrongs) as Wrong;
  const config = Object.assign({}, SESSION, ...wrongs.map(({ session }) => session)) as Session;
  const id = sessionId(config);
  const made = Object.assign({}, VOUCHER, { session: id }, ...wrongs.map(({ voucher }) => voucher)) as Voucher;
  const lanes = [{ lane: VOUCHER.lane, amount: amount("7500"), voucher: voucherDigest(made) }];
  const whole = Object.assign({}, CLAIM, { session: id, lanes }, ...wrongs.map(({ claim }) => claim)) as Claim;
  const payload = {
    type: "claim",
    claim: whole,
    signature: await signClaim(whole, claims),
    channelConfig: config,
    vouchers: [await signVoucher(made, vouches)],
  };
  return wrongs.reduce<object>((current, { after }) => after?.(current) ?? current, payload);
}

/** Of as many lanes as one claim may have. */
async function largest(): Promise<{ claim: Claim; payload: object }> {
  const vouchers = await Promise.all(
    Array.from({ length: MAX_CLAIMED_LANES }, (_, i) => signVoucher({ ...VOUCHER, lane: laneOf(i), serial: "9007199254740991" }, agent)),
  );
  const lanes = vouchers.map(({ voucher }) => ({ lane: voucher.lane, amount: amount("1"), voucher: voucherDigest(voucher) }));
  const claim = { ...CLAIM, lanes };
  const payload = { type: "claim", claim, signature: await signClaim(claim, receiver), channelConfig: SESSION, vouchers };
  return { claim, payload };
}

describe("a claim", () => {
  test("verifies, and says what the ledger needs", async () => {
    expect(await verifyClaim(await payloadOf(), LEDGER)).toEqual({
      ok: true,
      claim: {
        payer: owner.account,
        id: sessionId(SESSION),
        claimDigest: claimDigest(CLAIM),
        lanes: [{ lane: "0", amount: "7500" }],
        final: false,
        signed: canonicalJson({ claim: CLAIM, signature: await signClaim(CLAIM, receiver) }),
      },
    });
  });

  test("verifies up to what its voucher covers [claim-within-voucher]", async () => {
    const [entry] = CLAIM.lanes;
    const whole = { lanes: entry ? [{ ...entry, amount: VOUCHER.maxClaimableAmount }] : [] };
    expect(await verifyClaim(await payloadOf({ claim: whole }), LEDGER)).toMatchObject({ ok: true });
  });

  test("verifies over 32 lanes at once, and fits into one call", async () => {
    const { claim, payload } = await largest();
    expect(await verifyClaim(payload, LEDGER)).toMatchObject({ ok: true, claim: { lanes: { length: claim.lanes.length } } });
    expect(JSON.stringify(payload).length).toBeLessThan(MAX_FACILITATOR_BODY_BYTES - 4096);
    // Each of its lanes at the longest amount fits into what a ledger keeps of a claim.
    const longest = claim.lanes.map((lane) => ({ ...lane, amount: "9".repeat(39) }));
    expect(JSON.stringify({ claim: { ...claim, lanes: longest }, signature: await signClaim(claim, receiver) }).length).toBeLessThan(
      MAX_SIGNED_CLAIM_LENGTH,
    );
  });

  test("that is final pays nothing, and needs no voucher", async () => {
    const final = await payloadOf({ claim: { lanes: [], final: "yes" }, after: (payload) => ({ ...payload, vouchers: [] }) });
    expect(await verifyClaim(final, LEDGER)).toMatchObject({ ok: true, claim: { lanes: [], final: true } });
  });
});

type Row = [name: string, code: ErrorCode, wrong: Wrong];
const [ENTRY = { lane: "0", amount: amount("1"), voucher: OTHER }] = CLAIM.lanes;
const entry = (changes: object): Wrong => ({ claim: { lanes: [{ ...ENTRY, ...changes }] } });

const ROWS: Row[] = [
  ["1: of another type", "invalid_payload", { after: (payload) => change(payload, "type", "voucher") }],
  ["1: with an unknown member", "invalid_payload", { claim: { tip: "1" } as never }],
  ["1: of no lane", "invalid_payload", { claim: { lanes: [] } }],
  ["1: that is final and claims", "invalid_payload", { claim: { final: "yes" } }],
  ["1: with a lane twice", "invalid_payload", { claim: { lanes: [ENTRY, ENTRY] } }],
  ["2: on another network", "invalid_network", { session: { network: "logos:other" } }],
  ["3: of another asset", "asset_mismatch", { session: { asset: "other" } }],
  ["4: for another ledger", "ledger_mismatch", { claim: { ledger: OTHER } }],
  ["4: of another ledger's session", "ledger_mismatch", { session: { ledger: OTHER } }],
  ["5: of another session", "invalid_payload", { claim: { session: OTHER } }],
  ["6: without its voucher", "invalid_payload", { after: (payload) => ({ ...payload, vouchers: [] }) }],
  ["7: with another voucher than it names", "invalid_payload", entry({ voucher: OTHER })],
  ["7: with a voucher of another session", "invalid_payload", { voucher: { session: OTHER } }],
  ["7: with a voucher of another lane", "invalid_payload", { voucher: { lane: laneOf(1) } }],
  ["8: above its voucher", "charge_exceeded", entry({ amount: "10001" })],
  ["9: signed by the payee's other key", "invalid_signature", { claims: merchant }],
  ["9: signed by the payer", "invalid_signature", { claims: owner }],
  ["9: signed as another claim", "invalid_signature", { after: (payload) => change(payload, "signature", "00".repeat(64)) }],
  ["10: with a voucher that another key signed", "invalid_signature", { vouches: stranger }],
  ["10: with a voucher that the payee signed", "invalid_signature", { vouches: receiver }],
];

/** Each row with those of the check that comes next: if all neighbours are in order, all are. */
function neighbours(rows: readonly Row[]): [string, Row, Row][] {
  const rank = ([name]: Row) => Number(name.slice(0, name.indexOf(":")));
  return rows.flatMap((row) => {
    const next = rows.filter((other) => rank(other) === rank(row) + 1);
    return next.map((other): [string, Row, Row] => [`${row[0]}, before ${other[0]}`, row, other]);
  });
}

describe("is refused:", () => {
  test.each(ROWS)("%s", async (_, code, wrong) => {
    expect(await verifyClaim(await payloadOf(wrong), LEDGER)).toMatchObject({ ok: false, code });
  });

  test.each(neighbours(ROWS))("%s", async (_, [, code, wrong], [, , alsoWrong]) => {
    expect(await verifyClaim(await payloadOf(alsoWrong, wrong), LEDGER)).toMatchObject({ code });
  });

  test("that is final, of another session, by that session's own receiver [claim-other-session]", async () => {
    const claim: Partial<Claim> = { session: sessionId(SESSION), lanes: [], final: "yes" };
    const after = (payload: object) => ({ ...payload, vouchers: [] });
    const stolen = await payloadOf({ session: { receiver: stranger.publicKey }, claim, claims: stranger, after });
    expect(await verifyClaim(stolen, LEDGER)).toMatchObject({ code: "invalid_payload", detail: expect.stringContaining("channelConfig") });
  });

  test("by one bad voucher among 32", async () => {
    const { payload } = await largest();
    const vouchers = (payload as { vouchers: { voucherSignature: string }[] }).vouchers.map((voucher, i) =>
      i === 17 ? { ...voucher, voucherSignature: "00".repeat(64) } : voucher,
    );
    expect(await verifyClaim({ ...payload, vouchers }, LEDGER)).toMatchObject({
      code: "invalid_signature",
      detail: expect.stringContaining("vouchers.17"),
    });
  });
});
