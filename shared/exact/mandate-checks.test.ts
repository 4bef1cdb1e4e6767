/** A payment under a mandate, wrong in one way at a time. spec/protocol.md §13. */

import { describe, expect, test } from "vitest";
import { change } from "../../test/fields.ts";
import {
  agent,
  approve,
  LEDGER,
  MANDATE,
  merchant,
  NOW,
  offerOf,
  owner,
  paymentRequest,
  signedUnder,
  underMandate,
} from "../../test/fixtures.ts";
import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import type { Amount } from "../protocol/amount.ts";
import { type Authorization, authorizationDigest } from "../protocol/authorization.ts";
import { type Mandate, mandateDigest } from "../protocol/mandate.ts";
import type { WalletSigner } from "../protocol/signer.ts";
import type { PaymentPayload } from "../x402/x402.ts";
import { verifyExact } from "./verify.ts";

const OTHER = "00".repeat(32) as Digest;
const OFFER = offerOf();
const CONTEXT = { now: NOW, ledger: LEDGER };
const { authorization: APPROVED, payload: APPROVAL } = await approve(await paymentRequest());

interface Wrong {
  authorization?: Partial<Authorization>;
  mandate?: Partial<Mandate>;
  /** The keys that sign the mandate and the payment. */
  grants?: WalletSigner;
  pays?: WalletSigner;
  /** Done to the payload when everything is signed. */
  after?: (payload: PaymentPayload) => object;
}

/** The payment that the agent signs under its mandate for the request of the approval. */
async function paymentWith(...wrongs: Wrong[]): Promise<PaymentPayload> {
  const { grants = owner, pays = agent } = Object.assign({}, ...wrongs) as Wrong;
  const mandate = Object.assign({}, MANDATE, ...wrongs.map(({ mandate }) => mandate)) as Mandate;
  const own = underMandate(APPROVED, mandate);
  const authorization = Object.assign(own, ...wrongs.map(({ authorization }) => authorization)) as Authorization;
  const payload = { ...APPROVAL, payload: await signedUnder(authorization, mandate, { grants, pays }) };
  return wrongs.reduce((current, { after }) => (after?.(current) ?? current) as PaymentPayload, payload as PaymentPayload);
}

const verify = (payload: unknown) => verifyExact(payload, OFFER, CONTEXT);

describe("a payment under a mandate", () => {
  test("verifies, and says what the ledger has to count", async () => {
    const result = await verify(await paymentWith());
    expect(result).toMatchObject({ ok: true, payment: { payer: owner.account, nonce: APPROVED.nonce, value: "10000" } });
    expect(result.ok && result.payment.mandate).toEqual({
      digest: mandateDigest(MANDATE),
      grantedAt: NOW - 60,
      validAfter: NOW - 60,
      validBefore: NOW + 86_400,
      total: "300000",
      period: { seconds: 3600, amount: "20000", count: 3 },
    });
  });

  test("has the nonce of the owner's own approval, so that one of the two pays", async () => {
    const [mine, theirs] = await Promise.all([verify(await paymentWith()), verify(APPROVAL)]);
    expect(mine.ok && theirs.ok && mine.payment.nonce === theirs.payment.nonce).toBe(true);
  });

  test("verifies for any payee and origin, if the mandate says so", async () => {
    expect(await verify(await paymentWith({ mandate: { payees: ["*"], origins: ["*"] } }))).toMatchObject({ ok: true });
  });

  test("verifies to the last second and unit of the mandate", async () => {
    const exact = { validAfter: APPROVED.validAfter, validBefore: APPROVED.validBefore, perPayment: "10000" as Amount };
    expect(await verify(await paymentWith({ mandate: exact }))).toMatchObject({ ok: true });
  });
});

type Row = [name: string, code: ErrorCode, wrong: Wrong, limit?: string];
const without = (path: string) => (payload: PaymentPayload) => change(payload, path, undefined);

/** In the order in which they are checked. */
const ROWS: Row[] = [
  ["m1: no mandate beside it", "invalid_payload", { after: without("payload.mandate") }],
  ["m1: a mandate with an unknown member", "invalid_payload", { mandate: { maxPerDay: "1" } as never }],
  ["m1: an empty list of payees", "invalid_payload", { mandate: { payees: [] } }],
  ["m1: any payee, and another", "invalid_payload", { mandate: { payees: ["*", merchant.account] as never } }],
  ["m1: another mandate than the one it names", "invalid_payload", { authorization: { mandate: OTHER } }],
  ["m2: of another network", "mandate_mismatch", { mandate: { network: "logos:other" } }],
  ["m2: of another asset", "mandate_mismatch", { mandate: { asset: "other" } }],
  ["m2: of another ledger", "mandate_mismatch", { mandate: { ledger: OTHER } }],
  ["m2: of another account", "mandate_mismatch", { mandate: { from: merchant.account } }],
  ["m2: for another scheme", "mandate_mismatch", { mandate: { schemes: ["upto"] } }],
  ["m2: for another payee", "mandate_mismatch", { mandate: { payees: [agent.account] } }],
  ["m2: for another origin", "mandate_mismatch", { mandate: { origins: ["https://shop.example"] } }],
  [
    "m2: without an origin, where the mandate allows any",
    "mandate_mismatch",
    { authorization: { origin: undefined }, mandate: { origins: ["*"] } },
  ],
  ["m3: without a request", "invalid_payload", { authorization: { requestDigest: undefined } }],
  ["m3: with a nonce of its own", "invalid_payload", { authorization: { nonce: OTHER } }],
  ["m4: valid before the mandate", "mandate_expired", { mandate: { validAfter: String(NOW + 1) } }],
  ["m4: valid after the mandate", "mandate_expired", { mandate: { validBefore: String(NOW + 899) } }],
  ["m5: above the limit for one payment", "mandate_exceeded", { mandate: { perPayment: "9999" as Amount } }, "per_payment"],
  ["m6: granted by another account's key", "invalid_signature", { grants: merchant }],
  ["m6: granted by the agent itself", "invalid_signature", { grants: agent }],
  ["m7: signed by the owner's key", "invalid_signature", { pays: owner }],
  ["m7: signed by a third key", "invalid_signature", { pays: merchant }],
  [
    "m7: the agent's signature of another payment",
    "invalid_signature",
    { after: (payload) => change(payload, "payload.signature", "00".repeat(64)) },
  ],
];

describe("is refused:", () => {
  test.each(ROWS)("%s", async (_, code, wrong, limit) => {
    const result = await verify(await paymentWith(wrong));
    expect(result).toMatchObject({ ok: false, code, payer: owner.account, detail: expect.any(String) });
    expect(result).toHaveProperty(...((limit ? ["limit", limit] : ["ok", false]) as [string, unknown]));
  });

  test.each(ROWS)("%s, whatever is checked later", async (name, code, wrong) => {
    const later = ROWS.filter(([other]) => other.slice(0, 2) > name.slice(0, 2));
    for (const [other, , alsoWrong] of later) expect(await verify(await paymentWith(alsoWrong, wrong)), other).toMatchObject({ code });
  });

  test("before the mandate is looked at, if the payment itself is wrong", async () => {
    const late = { authorization: { validAfter: String(NOW + 31) }, grants: merchant };
    expect(await verify(await paymentWith(late))).toMatchObject({ code: "payment_not_yet_valid" });
    expect(await verify(await paymentWith({ authorization: { to: agent.account } }))).toMatchObject({ code: "recipient_mismatch" });
  });

  test("as another scheme than the offer's", async () => {
    const upto = await paymentWith({ authorization: { scheme: "upto" }, mandate: { schemes: ["exact", "upto"] } });
    expect(await verify(upto)).toMatchObject({ code: "unsupported_scheme" });
  });
});

describe("a mandate that carried a payment before", () => {
  test.each<Row>([
    [
      "is read anew when a limit is another",
      "invalid_payload",
      { after: (payload) => change(payload, "payload.mandate.mandate.total", "1") },
    ],
    [
      "is read anew when its signature is another",
      "invalid_signature",
      { after: (payload) => change(payload, "payload.mandate.signature", "00".repeat(64)) },
    ],
    ["carries no payment beyond it", "mandate_mismatch", { authorization: { origin: "https://shop.example" } }],
    ["carries no payment of another key", "invalid_signature", { pays: merchant }],
  ])("%s", async (_, code, wrong) => {
    expect(await verify(await paymentWith())).toMatchObject({ ok: true });
    expect(await verify(await paymentWith(wrong))).toMatchObject({ code });
    expect(await verify(await paymentWith())).toMatchObject({ ok: true });
  });
});

describe("without a mandate in the authorization", () => {
  test("a mandate beside the payment is refused, and not ignored", async () => {
    const { payload } = await paymentWith();
    expect(await verify({ ...APPROVAL, payload: { ...APPROVAL.payload, mandate: payload["mandate"] } })).toMatchObject({
      code: "invalid_payload",
      detail: expect.stringContaining("payload.mandate"),
    });
  });

  test("the agent's key pays nothing", async () => {
    const payload = { authorization: APPROVED, publicKey: agent.publicKey, signature: await agent.sign(authorizationDigest(APPROVED)) };
    expect(await verify({ ...APPROVAL, payload })).toMatchObject({ code: "invalid_signature" });
  });

  test("the owner's own key pays for the origin that it names", async () => {
    const authorization = { ...APPROVED, origin: "https://merchant.example.com" };
    const payload = { authorization, publicKey: owner.publicKey, signature: await owner.sign(authorizationDigest(authorization)) };
    expect(await verify({ ...APPROVAL, payload })).toMatchObject({ ok: true });
  });
});
