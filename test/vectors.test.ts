/** The published vectors, checked by a second implementation: node:crypto and a canonical form of its own. */

import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { nativeVectors } from "../scripts/native-vectors.ts";
import { vectors } from "../scripts/vectors.ts";
import { base58 } from "../shared/crypto/bytes.ts";
import { authorizationSchema } from "../shared/protocol/authorization.ts";
import { claimSchema } from "../shared/protocol/claim.ts";
import { decisionSchema } from "../shared/protocol/decision.ts";
import { deskCallSchema, deskSettingSchema, loginSchema, pairingSchema } from "../shared/protocol/desk.ts";
import { mandateSchema } from "../shared/protocol/mandate.ts";
import { paymentRequestBodySchema } from "../shared/protocol/payment-request.ts";
import { refundSchema } from "../shared/protocol/refund.ts";
import { revocationSchema } from "../shared/protocol/revocation.ts";
import { sessionSchema } from "../shared/protocol/session.ts";
import { voucherSchema } from "../shared/protocol/voucher.ts";
import { withdrawalSchema } from "../shared/protocol/withdrawal.ts";
import { decodeHeader } from "../shared/x402/headers.ts";
import { nativeRevocationSchema } from "../shared/zone/revocation.ts";
import { nativeStatementSchema } from "../shared/zone/statement.ts";
import * as second from "../shared/zone/testing/second.ts";
import { verifyNative } from "../shared/zone/verify.ts";

type Json = string | Json[] | { [key: string]: Json };

interface AccountVector {
  name: string;
  key: string;
  publicKey: string;
  account: string;
}

interface DigestVector {
  name: string;
  type: string;
  object: Record<string, Json>;
  canonical: string;
  preimageHex: string;
  digest: string;
  key?: string;
  publicKey?: string;
  signature?: string;
}

interface BindingVector {
  name: string;
  request: { method: string; url: string; bodySha256?: string };
  terms: Record<string, string>;
  binding: string;
}

interface HeaderVectors {
  value: unknown;
  written: string;
  read: Record<string, string>;
  refused: Record<string, string>;
}

const read = (file: string): unknown => JSON.parse(readFileSync(new URL(`../spec/vectors/${file}.json`, import.meta.url), "utf8"));
const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");
const digestOf = (type: string, object: Json) => sha256(`lez-x402/v1/${type}\0${canonical(object)}`);

/** RFC 8785 for objects of strings: members sorted by UTF-16 code units, which is how JavaScript compares strings. */
function canonical(value: Json): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
}

/** A seed in the PKCS#8 envelope of Ed25519, RFC 8410. */
function privateKey(seed: string): KeyObject {
  return createPrivateKey({ key: Buffer.from(`302e020100300506032b657004220420${seed}`, "hex"), format: "der", type: "pkcs8" });
}

function publicKeyOf(key: KeyObject): string {
  return Buffer.from(createPublicKey(key).export({ format: "jwk" }).x ?? "", "base64url").toString("hex");
}

describe("accounts.json", () => {
  test.each(read("accounts") as AccountVector[])("$name", ({ key, publicKey, account }) => {
    expect(publicKeyOf(privateKey(key))).toBe(publicKey);
    const hash = sha256(Buffer.concat([Buffer.from("/LEZ-x402/v1/AccountId/Ed25519/\0"), Buffer.from(publicKey, "hex")]));
    expect(Buffer.from(base58.decode(account)).toString("hex")).toBe(hash);
  });
});

describe("digests.json", () => {
  const all = read("digests") as DigestVector[];

  test.each(all)("$name", ({ type, object, preimageHex, digest, ...vector }) => {
    expect(canonical(object)).toBe(vector.canonical);
    expect(Buffer.from(preimageHex, "hex").toString()).toBe(`lez-x402/v1/${type}\0${vector.canonical}`);
    expect(sha256(Buffer.from(preimageHex, "hex"))).toBe(digest);
  });

  test.each(all.filter(({ key }) => key))("the signature of $name", ({ digest, key = "", publicKey, signature = "" }) => {
    const signer = privateKey(key);
    expect(publicKeyOf(signer)).toBe(publicKey);
    expect(sign(null, Buffer.from(digest, "hex"), signer).toString("hex")).toBe(signature);
    expect(verify(null, Buffer.from(digest, "hex"), createPublicKey(signer), Buffer.from(signature, "hex"))).toBe(true);
  });

  test("has every type that there is, and a signature for those that are signed", () => {
    const unsigned = [
      "AuditEntry",
      "Batch",
      "Binding",
      "Funding",
      "JournalEntry",
      "NativeRevocation",
      "NativeStatement",
      "Nonce",
      "Stream",
      "Transaction",
      "TransferTerms",
    ];
    const signed = [
      "AuditAnchor",
      "Authorization",
      "BooksAccess",
      "BooksRead",
      "BooksRevocation",
      "Checkpoint",
      "Claim",
      "Decision",
      "DeskCall",
      "DeskSetting",
      "Login",
      "Mandate",
      "Pairing",
      "PaymentRequest",
      "Refund",
      "Revocation",
      "SaleDelivery",
      "Session",
      "Voucher",
      "Withdrawal",
    ];
    expect([...new Set(all.map(({ type }) => type))].sort()).toEqual([...signed, ...unsigned].sort());
    expect([...new Set(all.filter(({ key }) => key).map(({ type }) => type))].sort()).toEqual(signed);
  });

  test("its objects are real ones", () => {
    const schemas = {
      PaymentRequest: paymentRequestBodySchema,
      Authorization: authorizationSchema,
      Decision: decisionSchema,
      Mandate: mandateSchema,
      Revocation: revocationSchema,
      Refund: refundSchema,
      Session: sessionSchema,
      Voucher: voucherSchema,
      Claim: claimSchema,
      NativeStatement: nativeStatementSchema,
      NativeRevocation: nativeRevocationSchema,
      Withdrawal: withdrawalSchema,
      Login: loginSchema,
      Pairing: pairingSchema,
      DeskSetting: deskSettingSchema,
      DeskCall: deskCallSchema,
    };
    for (const [type, schema] of Object.entries(schemas)) {
      for (const { name, object } of all.filter((vector) => vector.type === type)) {
        expect(z.safeParse(schema, object), name).toMatchObject({ success: true });
      }
    }
  });

  test("its BooksRead is under its BooksAccess, by the key that it names", () => {
    const [access, , read] = all.filter(({ type }) => type.startsWith("Books"));
    expect(read?.object).toMatchObject({ accessDigest: access?.digest });
    expect(read?.publicKey).toBe(access?.object["reader"]);
  });

  test("its Claim names its Vouchers, and all are of its Session", () => {
    const [session] = all.filter(({ type }) => type === "Session");
    const vouchers = all.filter(({ type }) => type === "Voucher");
    const [claim] = all.filter(({ type }) => type === "Claim");
    expect(claim?.object["lanes"]).toMatchObject(vouchers.map(({ object, digest }) => ({ lane: object["lane"], voucher: digest })));
    for (const { type, object } of all.filter(({ type }) => ["Voucher", "Claim", "Withdrawal"].includes(type)))
      expect(object["session"], type).toBe(session?.digest);
    expect([claim?.publicKey, vouchers[0]?.publicKey]).toEqual([session?.object["receiver"], session?.object["signer"]]);
  });

  test("its Nonce, Transaction and JournalEntry belong to its approval", () => {
    const [request, , authorization] = all;
    const [binding, nonce, transaction, entry] = all.slice(-4);
    expect(authorization?.object).toMatchObject({ requestDigest: request?.digest, nonce: nonce?.digest, binding: binding?.digest });
    expect(transaction?.object).toMatchObject({ authorizationDigest: authorization?.digest });
    expect(entry?.object).toMatchObject({ transaction: transaction?.digest });
  });
});

interface Assertion {
  kind: "webauthn";
  publicKey: string;
  authenticatorData: string;
  clientDataJSON: string;
  signature: string;
}
type MemberVector = Assertion | { kind: "ed25519"; publicKey: string; signature: string };
interface PolicyVector {
  kind: "policy";
  policy: { version: string; threshold: string; keys: string[] };
  proofs: MemberVector[];
}
interface ProofVector {
  name: string;
  type: string;
  digest: string;
  account: string;
  localhost?: true;
  proof: { publicKey: string; signature: string; proof?: undefined } | { proof: Assertion | PolicyVector };
  good: boolean;
}

interface AccountOfProof {
  kind: "webauthn" | "policy";
  rpId?: string;
  publicKey?: string;
  policy?: Record<string, Json>;
  account: string;
}

/** A second reading of spec/protocol.md §17. */
const proofs = {
  account(kind: "Ed25519" | "Passkey" | "Policy/", ...parts: Buffer[]): string {
    return base58.encode(Buffer.from(sha256(Buffer.concat([Buffer.from(`/LEZ-x402/v1/AccountId/${kind}/\0`), ...parts])), "hex"));
  },
  accountOf(proof: MemberVector | PolicyVector): string {
    if (proof.kind === "policy") return this.account("Policy/", Buffer.from(sha256(canonical(proof.policy as unknown as Json)), "hex"));
    const key = Buffer.from(proof.publicKey, "hex");
    if (proof.kind === "ed25519") return this.account("Ed25519", key);
    return this.account("Passkey", Buffer.from(proof.authenticatorData, "base64url").subarray(0, 32), key);
  },
  isGood({ type, digest, account, localhost, proof: beside }: ProofVector): boolean {
    const proof = beside.proof ?? ({ kind: "ed25519", ...beside } as MemberVector);
    if (this.accountOf(proof) !== account) return false;
    if (proof.kind !== "policy") return this.isMembers(proof, digest, localhost);
    const { keys, threshold } = proof.policy;
    const places = proof.proofs.map((member) => keys.indexOf(this.accountOf(member)));
    const inOrder = places.every((place, i) => place > (places[i - 1] ?? -1));
    const asked = ["Authorization", "Mandate", "Session", "Refund"].includes(type) ? Number(threshold) : 1;
    return inOrder && places.length === asked && proof.proofs.every((member) => this.isMembers(member, digest, localhost));
  },
  isMembers(proof: MemberVector, digest: string, localhost = false): boolean {
    if (proof.kind === "webauthn") return this.isAssertion(proof, digest, localhost);
    const key = createPublicKey({
      key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(proof.publicKey, "hex").toString("base64url") },
      format: "jwk",
    });
    return verify(null, Buffer.from(digest, "hex"), key, Buffer.from(proof.signature, "hex"));
  },
  isAssertion({ publicKey, signature, ...proof }: Assertion, digest: string, localhost: boolean): boolean {
    const [data, client] = [Buffer.from(proof.authenticatorData, "base64url"), Buffer.from(proof.clientDataJSON, "base64url")];
    let said: Record<string, unknown>;
    try {
      said = JSON.parse(client.toString()) as typeof said;
    } catch {
      return false;
    }
    const { type, challenge, origin, crossOrigin = false, topOrigin } = said;
    const host = localhost && /^http:\/\/localhost(:\d+)?$/.test(String(origin)) ? "localhost" : String(origin).replace("https://", "");
    const [flags, s] = [data[32] ?? 0, BigInt(`0x${signature.slice(64)}`)];
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const rules = [
      client.toString().split('"challenge"').length === 2,
      type === "webauthn.get" && crossOrigin === false && topOrigin === undefined,
      challenge === Buffer.from(digest, "hex").toString("base64url"),
      !/^[\d.]+$|:/.test(host) && data.toString("hex", 0, 32) === sha256(host),
      data.length === 37,
      // User present, user verified; and nothing else but the two of backups, the second with the first alone.
      [0x05, 0x0d, 0x1d].includes(flags),
      s <= order / 2n,
    ];
    if (!rules.every(Boolean)) return false;
    const spki = Buffer.from(`3039301306072a8648ce3d020106082a8648ce3d030107032200${publicKey}`, "hex");
    const key = createPublicKey({ key: spki, format: "der", type: "spki" });
    const signed = Buffer.concat([data, Buffer.from(sha256(client), "hex")]);
    return verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "hex"));
  },
};

describe("proofs.json", () => {
  const file = read("proofs") as { accounts: AccountOfProof[]; proofs: ProofVector[] };

  test.each(file.accounts)("the $kind account $account", ({ kind, rpId, publicKey, policy, account }) => {
    const hash = (text: string) => Buffer.from(sha256(text), "hex");
    const point = Buffer.from(publicKey ?? "", "hex");
    const derived =
      kind === "policy" ? proofs.account("Policy/", hash(canonical(policy ?? ""))) : proofs.account("Passkey", hash(rpId ?? ""), point);
    expect(derived).toBe(account);
  });

  test.each(file.proofs)("$name: good is $good", (vector) => expect(proofs.isGood(vector)).toBe(vector.good));
});

test.each(read("bindings") as BindingVector[])("bindings.json: $name", ({ request, terms, binding }) => {
  expect(digestOf("Binding", { ...request, method: request.method.replace("HEAD", "GET"), ...terms })).toBe(binding);
});

test.each(read("short-codes") as { digest: string; shortCode: string }[])("short-codes.json: $shortCode", ({ digest, shortCode }) => {
  const crockford = Number.parseInt(digest.slice(0, 10), 16)
    .toString(32)
    .padStart(8, "0")
    .replaceAll(/[a-v]/g, (digit) => "ABCDEFGHJKMNPQRSTVWXYZ"[Number.parseInt(digit, 32) - 10] ?? "");
  expect(`${crockford.slice(0, 4)}-${crockford.slice(4)}`).toBe(shortCode);
});

describe("headers.json", () => {
  const { value, written, read: forms, refused } = read("headers") as HeaderVectors;

  test("what is written", () => expect(Buffer.from(JSON.stringify(value)).toString("base64")).toBe(written));

  test.each(Object.entries(forms))("%s is read", (_, header) => expect(decodeHeader(header, z.unknown())).toEqual({ ok: true, value }));

  test.each(Object.entries(refused))("%s is refused", (_, header) => {
    expect(decodeHeader(header, z.unknown())).toMatchObject({ ok: false, code: "invalid_payload" });
  });
});

test("what is committed is what the code makes", async () => {
  for (const [file, content] of Object.entries(await vectors())) {
    expect(readFileSync(new URL(`../${file}`, import.meta.url), "utf8"), file).toBe(content);
  }
});

test("native.json verifies, and a second implementation computes each of its values", () => {
  const vector = nativeVectors();
  expect(read("native")).toEqual(vector);
  const { payload } = vector;
  const { ledger } = payload.accepted.extra;
  const context = { now: Number(vector.verifiedAt), network: "lez:testnet", ledger, maxFee: 100_000n, finalities: ["head"] } as const;
  expect(verifyNative(payload, payload.accepted, context)).toMatchObject({ ok: true, payment: { h: vector.messageHash } });

  const hexOf = (account: string) => Buffer.from(base58.decode(account)).toString("hex");
  const [payer, payee, native] = [hexOf(vector.payer), hexOf(vector.payee), "00".repeat(32)];
  const message = second.messageBytes({
    program: native,
    selectors: [
      [payer, native],
      [payee, native],
    ],
    nonces: [vector.nonce],
    instruction: `00${second.u128(BigInt(vector.value)).toString("hex")}`,
    fee: { ...vector.fee, payer },
  });
  const wire = second.wire(message, [[vector.transactionSignature, vector.publicKey]]);
  expect(second.accountOfKey(vector.publicKey)).toBe(payer);
  expect(message.toString("hex")).toBe(vector.message);
  expect(second.messageHash(message)).toBe(vector.messageHash);
  expect(second.transactionId(wire)).toBe(vector.transaction);
  expect(wire.toString("base64")).toBe(payload.payload.signedTx);
  expect(digestOf("NativeStatement", { ...payload.payload.statement } as Json)).toBe(vector.statementDigest);
});
