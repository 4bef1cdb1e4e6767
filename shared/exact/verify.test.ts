import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { change, leaves } from "../../test/fields.ts";
import { approve, LEDGER, NOW, offerOf, owner, paymentRequest, stranger } from "../../test/fixtures.ts";
import { canonicalJson, type Digest } from "../crypto/digest.ts";
import { type ErrorCode, ERRORS } from "../errors.ts";
import { NETWORK } from "../lez.ts";
import { MAX_VALIDITY_SECONDS } from "../limits.ts";
import { accountOfKey } from "../protocol/account.ts";
import { type Authorization, authorizationDigest, authorizationSchema, transactionOf } from "../protocol/authorization.ts";
import type { WalletSigner } from "../protocol/signer.ts";
import type { PaymentPayload } from "../x402/x402.ts";
import { type VerifyContext, verifyExact } from "./verify.ts";

const request = await paymentRequest();
const { authorization: SIGNED, payload: PAYLOAD } = await approve(request);
const OFFER = offerOf();
const CONTEXT: VerifyContext = { now: NOW, ledger: LEDGER };
const TRANSACTION = transactionOf(NETWORK, authorizationDigest(SIGNED));
const OTHER = "00".repeat(32) as Digest;

const codeOf = async (payload: unknown, requirements: unknown = OFFER, context = CONTEXT) => {
  const result = await verifyExact(payload, requirements, context);
  return result.ok ? "ok" : result.code;
};

/** The payload with a changed authorization and a signature that fits it. */
async function resigned(changes: Partial<Authorization>, signer: WalletSigner = owner): Promise<PaymentPayload> {
  const authorization = { ...SIGNED, ...changes };
  const signature = await signer.sign(authorizationDigest(authorization));
  return { ...PAYLOAD, payload: { authorization, publicKey: signer.publicKey, signature } };
}

describe("an approved payment", () => {
  test("verifies, and says what the ledger has to know", async () => {
    const digest = authorizationDigest(SIGNED);
    expect(await verifyExact(PAYLOAD, OFFER, CONTEXT)).toEqual({
      ok: true,
      payment: {
        payer: owner.account,
        nonce: SIGNED.nonce,
        authorizationDigest: digest,
        payee: OFFER.payTo,
        value: "10000",
        validAfter: NOW,
        validBefore: NOW + 900,
        requestDigest: SIGNED.requestDigest,
      },
      transaction: transactionOf(NETWORK, digest),
    });
  });

  test("verifies without the resource, with unknown members, and with more keys in the echoed extra", async () => {
    const { resource: _, ...bare } = PAYLOAD;
    const memo = { ...PAYLOAD.accepted, extra: { ...OFFER.extra, memo: "mine" } };
    for (const payload of [bare, { ...PAYLOAD, resource: null }, { ...PAYLOAD, more: 1 }, { ...PAYLOAD, accepted: memo }]) {
      expect(await codeOf(payload)).toBe("ok");
    }
  });

  test("verifies where the offer names neither binding nor ledger, absent or null", async () => {
    const { binding: _b, ledger: _l, ...rest } = SIGNED;
    const signature = await owner.sign(authorizationDigest(rest));
    for (const extra of [{}, null, { binding: null, ledger: null }]) {
      const offer = { ...OFFER, extra };
      const exact = { authorization: rest, publicKey: owner.publicKey, signature };
      expect(await codeOf({ ...PAYLOAD, accepted: offer, payload: exact }, offer)).toBe("ok");
    }
  });

  test("of a client without a PaymentRequest verifies too", async () => {
    const { requestDigest: _, ...rest } = SIGNED;
    const payload = { authorization: rest, publicKey: owner.publicKey, signature: await owner.sign(authorizationDigest(rest)) };
    expect(await codeOf({ ...PAYLOAD, payload })).toBe("ok");
  });
});

describe("tampering after the signature", () => {
  const changes: [string, unknown, ErrorCode][] = [
    ["network", "logos:other", "invalid_network"],
    ["asset", "other", "asset_mismatch"],
    ["from", stranger.account, "invalid_signature"],
    ["to", stranger.account, "recipient_mismatch"],
    ["value", "9999", "amount_mismatch"],
    ["value", "10001", "amount_mismatch"],
    ["validAfter", String(NOW - 1), "invalid_signature"],
    ["validBefore", String(NOW + 899), "invalid_signature"],
    ["nonce", OTHER, "invalid_signature"],
    ["binding", OTHER, "binding_mismatch"],
    ["binding", undefined, "binding_mismatch"],
    ["ledger", OTHER, "ledger_mismatch"],
    ["ledger", undefined, "ledger_mismatch"],
    ["requestDigest", OTHER, "invalid_signature"],
    ["requestDigest", undefined, "invalid_signature"],
    ["mandate", OTHER, "invalid_payload"],
    ["origin", "https://shop.example", "invalid_signature"],
    ["scheme", "upto", "unsupported_scheme"],
    ["purpose", "transfer", "invalid_payload"],
  ];
  test.each(changes)("%s changed to %s", async (member, value, code) => {
    expect(await codeOf(change(PAYLOAD, `payload.authorization.${member}`, value))).toBe(code);
  });

  test("every member of the authorization is in this table", () => {
    const tested = new Set(changes.map(([member]) => member));
    expect(Object.keys(authorizationSchema.shape).filter((member) => !tested.has(member))).toEqual([]);
  });

  test("to another payee together with the offer, as a merchant could", async () => {
    const offer = { ...OFFER, payTo: stranger.account };
    const payload = change({ ...PAYLOAD, accepted: offer }, "payload.authorization.to", stranger.account);
    expect(await codeOf(payload, offer)).toBe("invalid_signature");
  });
});

test("a transfer pays no request, signed or not, under a mandate or without one [transfer-is-no-payment]", async () => {
  const transfer = { ...SIGNED, purpose: "transfer" as const };
  for (const authorization of [transfer, { ...transfer, mandate: OTHER }]) {
    const payload = { authorization, publicKey: owner.publicKey, signature: await owner.sign(authorizationDigest(authorization)) };
    expect(await verifyExact({ ...PAYLOAD, payload }, OFFER, CONTEXT)).toMatchObject({
      code: "invalid_payload",
      detail: expect.stringContaining("purpose"),
    });
  }
});

describe("signatures", () => {
  test.each([
    ["of another payment", async () => (await resigned({ nonce: OTHER })).payload["signature"]],
    ["of a stranger", async () => (await resigned({}, stranger)).payload["signature"]],
    ["of zeros", () => "00".repeat(64)],
    ["over the approval digest instead of the authorization", () => owner.sign(SIGNED.requestDigest ?? OTHER)],
  ])("%s are refused", async (_, signature) => {
    expect(await codeOf(change(PAYLOAD, "payload.signature", await signature()))).toBe("invalid_signature");
  });

  test("a good signature by a key that does not own the account is refused", async () => {
    expect(await codeOf(await resigned({}, stranger))).toBe("invalid_signature");
  });

  test("a low-order key with the signature that fits every message is refused, even as its own account's owner", async () => {
    const neutral = new Uint8Array(32);
    neutral[0] = 1;
    const publicKey = `01${"00".repeat(31)}`;
    const authorization = { ...SIGNED, from: accountOfKey(neutral) };
    const payload = { authorization, publicKey, signature: publicKey + "00".repeat(32) };
    expect(await codeOf({ ...PAYLOAD, payload })).toBe("invalid_signature");
  });
});

const window = async (after: number, before: number, now = NOW) =>
  codeOf(await resigned({ validAfter: String(after), validBefore: String(before) }), OFFER, { ...CONTEXT, now });

describe("the window", () => {
  test("opens with 30 seconds of tolerance", async () => {
    expect(await window(NOW + 30, NOW + 900)).toBe("ok");
    expect(await window(NOW + 31, NOW + 900)).toBe("payment_not_yet_valid");
  });

  test("closes after validBefore, without tolerance", async () => {
    expect(await window(NOW - 900, NOW)).toBe("ok");
    expect(await window(NOW - 900, NOW - 1)).toBe("payment_expired");
  });

  test("is at most maxTimeoutSeconds, with the tolerance", async () => {
    expect(await window(NOW, NOW + 930)).toBe("ok");
    expect(await window(NOW, NOW + 931)).toBe("validity_too_long");
    expect(await window(NOW, NOW + 931, NOW + 1)).toBe("ok");
  });

  test("is at most twelve hours, whatever the offer says", async () => {
    const offer = { ...OFFER, maxTimeoutSeconds: 1e9 };
    const until = async (before: number) => codeOf({ ...(await resigned({ validBefore: String(before) })), accepted: offer }, offer);
    expect(await until(NOW + MAX_VALIDITY_SECONDS + 30)).toBe("ok");
    expect(await until(NOW + MAX_VALIDITY_SECONDS + 31)).toBe("validity_too_long");
  });
});

describe("what is asked", () => {
  test("must be of this system, whatever the payer signed", async () => {
    for (const [member, value, code] of [
      ["scheme", "upto", "unsupported_scheme"],
      ["network", "eip155:8453", "invalid_network"],
      ["asset", "USDC", "asset_mismatch"],
    ] as const) {
      const offer = { ...OFFER, [member]: value };
      const payload = await resigned(member === "scheme" ? {} : { [member]: value });
      expect(await codeOf({ ...payload, accepted: offer }, offer)).toBe(code);
    }
  });

  test("must be on the ledger that would settle it", async () => {
    expect(await codeOf(PAYLOAD, OFFER, { ...CONTEXT, ledger: OTHER })).toBe("ledger_mismatch");
  });

  test("must not be the payer's own account", async () => {
    const offer = offerOf({ payTo: owner.account });
    const payload = await resigned({ to: owner.account });
    expect(await codeOf({ ...payload, accepted: offer }, offer)).toBe("recipient_mismatch");
  });
});

/** One way each of being wrong, in the order in which they are checked. spec/protocol.md §5. */
interface State {
  payload: PaymentPayload;
  offer: typeof OFFER;
  context: VerifyContext;
  authorization: Authorization;
}
const signs = (changes: Partial<Authorization>) => (state: State) => ({ ...state, authorization: { ...state.authorization, ...changes } });
const accepts = (changes: object) => (state: State) => ({
  ...state,
  payload: { ...state.payload, accepted: { ...state.payload.accepted, ...changes } },
});
const asks = (changes: object) => (state: State) => ({ ...accepts(changes)(state), offer: { ...state.offer, ...changes } });
const asksExtra = (changes: object) => (state: State) => asks({ extra: { ...state.offer.extra, ...changes } })(state);

interface Fault {
  name: string;
  code: ErrorCode;
  before?: (state: State) => State;
  /** Done to the payload after it was signed. */
  after?: (payload: PaymentPayload) => object;
}

const FAULTS: Fault[] = [
  { name: "version 1", code: "invalid_x402_version", after: (payload) => ({ ...payload, x402Version: 1 }) },
  { name: "bad shape", code: "invalid_payload", after: (payload) => change(payload, "payload.publicKey", "zz") },
  { name: "accepted scheme", code: "unsupported_scheme", before: accepts({ scheme: "upto" }) },
  { name: "asked scheme", code: "unsupported_scheme", before: asks({ scheme: "upto" }) },
  { name: "accepted network", code: "invalid_network", before: accepts({ network: "logos:other" }) },
  { name: "signed network", code: "invalid_network", before: signs({ network: "logos:other" }) },
  { name: "accepted asset", code: "asset_mismatch", before: accepts({ asset: "other" }) },
  { name: "signed asset", code: "asset_mismatch", before: signs({ asset: "other" }) },
  { name: "accepted payee", code: "recipient_mismatch", before: accepts({ payTo: stranger.account }) },
  { name: "signed payee", code: "recipient_mismatch", before: signs({ to: stranger.account }) },
  { name: "accepted amount", code: "amount_mismatch", before: accepts({ amount: "9999" }) },
  { name: "signed amount", code: "amount_mismatch", before: signs({ value: "9999" as Authorization["value"] }) },
  { name: "signed ledger", code: "ledger_mismatch", before: signs({ ledger: OTHER }) },
  {
    name: "settling ledger",
    code: "ledger_mismatch",
    before: (state) => ({ ...state, context: { ...state.context, ledger: OTHER } }),
  },
  { name: "signed binding", code: "binding_mismatch", before: signs({ binding: OTHER }) },
  { name: "changed echo", code: "offer_mismatch", before: accepts({ surprise: 1 }) },
  { name: "splits", code: "unsupported_extra", before: asksExtra({ splits: [1] }) },
  { name: "not yet valid", code: "payment_not_yet_valid", before: signs({ validAfter: String(NOW + 31) }) },
  { name: "expired", code: "payment_expired", before: signs({ validBefore: String(NOW - 1) }) },
  { name: "too long", code: "validity_too_long", before: signs({ validBefore: String(NOW + 931) }) },
  { name: "another's account", code: "invalid_signature", before: signs({ from: stranger.account }) },
  { name: "bad signature", code: "invalid_signature", after: (payload) => change(payload, "payload.signature", "00".repeat(64)) },
];

async function codeWith(...faults: Fault[]) {
  const start: State = { payload: PAYLOAD, offer: OFFER, context: CONTEXT, authorization: SIGNED };
  const state = faults.reduce((current, { before }) => before?.(current) ?? current, start);
  const signed = { ...(await resigned(state.authorization)), accepted: state.payload.accepted } as PaymentPayload;
  const payload = faults.reduce((current, { after }) => (after?.(current) ?? current) as PaymentPayload, signed);
  return codeOf(payload, state.offer, state.context);
}

describe("the order of checks: a payload that is wrong in two ways reports the cheaper one", () => {
  test.each(FAULTS)("$name alone is $code", async (fault) => expect(await codeWith(fault)).toBe(fault.code));

  test.each(FAULTS)("$name hides whatever is checked later", async (fault) => {
    for (const later of FAULTS.slice(FAULTS.indexOf(fault) + 1)) expect(await codeWith(later, fault), later.name).toBe(fault.code);
  });
});

describe("shape", () => {
  test.each([
    ["nothing", undefined],
    ["null", null],
    ["a string", "payment"],
    ["a list", [PAYLOAD]],
    ["no version", change(PAYLOAD, "x402Version", undefined)],
    ["a version in words", change(PAYLOAD, "x402Version", "2")],
    ["no accepted", change(PAYLOAD, "accepted", undefined)],
    ["a payload of another scheme", { ...PAYLOAD, payload: { signedTx: "AAAA" } }],
    ["an unknown member in the authorization", change(PAYLOAD, "payload.authorization.memo", "x")],
  ])("%s is an invalid payload", async (_, payload) => expect(await codeOf(payload)).toBe("invalid_payload"));

  test("a payment of x402 version 1 is told so, although it has another shape", async () => {
    expect(await codeOf({ x402Version: 1, scheme: "exact", network: "base", payload: {} })).toBe("invalid_x402_version");
  });

  test("requirements of another shape are an invalid payload, and named", async () => {
    expect(await verifyExact(PAYLOAD, { ...OFFER, maxTimeoutSeconds: "900" }, CONTEXT)).toMatchObject({
      code: "invalid_payload",
      detail: expect.stringContaining("paymentRequirements.maxTimeoutSeconds"),
    });
  });
});

describe("for any input", () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withSparseArray: true,
  });

  test("the answer is a payment or a documented code", async () => {
    await fc.assert(
      fc.asyncProperty(anything, anything, async (payload, requirements) => {
        expect(Object.keys(ERRORS)).toContain(await codeOf(payload, requirements ?? null));
        expect(Object.keys(ERRORS)).toContain(await codeOf({ ...PAYLOAD, payload }, OFFER));
        expect(Object.keys(ERRORS)).toContain(await codeOf({ ...PAYLOAD, accepted: payload }, OFFER));
        expect(Object.keys(ERRORS)).toContain(await codeOf(PAYLOAD, requirements ?? null));
      }),
    );
  });

  test("a payment with one value replaced is refused, or is still the very same payment", async () => {
    const path = fc.constantFrom(...leaves(PAYLOAD), "accepted", "accepted.extra", "payload", "payload.authorization", "resource");
    await fc.assert(
      fc.asyncProperty(path, fc.oneof(anything, fc.jsonValue(), fc.string()), async (place, value) => {
        const result = await verifyExact(replaced(PAYLOAD, place, value), OFFER, CONTEXT);
        if (result.ok) expect(result.transaction, place).toBe(TRANSACTION);
        else expect(Object.keys(ERRORS)).toContain(result.code);
      }),
      { numRuns: 500 },
    );
  });

  test("requirements with one value replaced are refused, or are still the very same requirements", async () => {
    const path = fc.constantFrom(...leaves(OFFER), "extra", "extra.toString", "other");
    await fc.assert(
      fc.asyncProperty(path, anything, async (place, value) => {
        const offer = replaced(OFFER, place, value);
        const code = await codeOf(PAYLOAD, offer);
        expect([...Object.keys(ERRORS), "ok"]).toContain(code);
        if (code === "ok") expect(canonicalJson(offer)).toBe(canonicalJson(OFFER));
      }),
      { numRuns: 300 },
    );
  });
});

/** `change`, for values that cannot be cloned. */
function replaced(object: object, path: string, value: unknown): object {
  const [key = "", ...rest] = path.split(".");
  const inner = (object as Record<string, unknown>)[key];
  return { ...object, [key]: rest.length === 0 ? value : replaced(inner as object, rest.join("."), value) };
}
