/**
 * What --active sends in place of a payment. None of it is signed by anybody, so nothing here can pay: where a
 * signature belongs there are zeros, and the account is one that was made for this run and never held anything.
 */
import { type Authorization, exactPayloadSchema } from "../../shared/protocol/authorization.ts";
import { accountOfKey } from "../../shared/protocol/account.ts";
import { hexToBytes, toBase64, utf8 } from "../../shared/crypto/bytes.ts";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { encodeHeader } from "../../shared/x402/headers.ts";
import { NETWORK, X402_VERSION } from "../../shared/lez.ts";
import { MAX_VALIDITY_SECONDS } from "../../shared/limits.ts";
import { generateSecretKey, keySigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { isMembers, type Members } from "./terms-read.ts";

/** R and S are zero: a point of small order, which no strict verifier takes, and no key ever made. */
const NOT_A_SIGNATURE = "00".repeat(64);

export interface NoPayment {
  /** In a report: `a payment with …`. */
  what: string;
  kind: "malformed" | "unsigned" | "tampered";
  header: string;
}

export interface NoPayer {
  account: string;
  publicKey: string;
}

export async function newNoPayer(): Promise<NoPayer> {
  const { publicKey } = await keySigner(generateSecretKey());
  return { publicKey, account: accountOfKey(hexToBytes(publicKey)) };
}

/** A PaymentPayload that has everything but a signature. */
export function unsignedPayload(offer: Members, payer: NoPayer, resource?: unknown): Members {
  return { x402Version: X402_VERSION, ...(resource !== undefined && { resource }), accepted: offer, payload: schemePayload(offer, payer) };
}

/** Of networks that are not ours only the outline is known: a facilitator of theirs refuses it by its shape. */
function schemePayload(offer: Members, payer: NoPayer): Members {
  const foreign = { signature: "0x", authorization: { from: "", to: "", value: "0", validAfter: "0", validBefore: "0", nonce: "0x" } };
  if (offer["network"] !== NETWORK) return foreign;
  const extra = isMembers(offer["extra"]) ? offer["extra"] : {};
  const seconds = typeof offer["maxTimeoutSeconds"] === "number" ? offer["maxTimeoutSeconds"] : 60;
  const authorization: { [Member in keyof Authorization]?: unknown } = {
    network: offer["network"],
    asset: offer["asset"],
    from: payer.account,
    to: offer["payTo"],
    value: offer["amount"],
    validAfter: String(unixNow()),
    validBefore: String(unixNow() + Math.floor(Math.min(seconds, MAX_VALIDITY_SECONDS))),
    nonce: randomDigest(),
    ...(extra["binding"] !== undefined && { binding: extra["binding"] }),
    ...(extra["ledger"] !== undefined && { ledger: extra["ledger"] }),
  };
  const payload = { authorization, publicKey: payer.publicKey, signature: NOT_A_SIGNATURE };
  return exactPayloadSchema.safeParse(payload).success ? payload : foreign;
}

/** Everything that a merchant of this offer must refuse. */
export function noPayments(offer: Members, payer: NoPayer, resource: unknown): NoPayment[] {
  const unsigned = (changes: Members = {}) => unsignedPayload({ ...offer, ...changes }, payer, resource);
  const text = (json: string) => toBase64(utf8(json));
  const extra = isMembers(offer["extra"]) ? offer["extra"] : {};
  const malformed: [string, string][] = [
    ["a header that is not base64", "this is not base64!"],
    ["base64 of what is not JSON", text("not JSON")],
    ["JSON that is no object", text("null")],
    ["an object without its members", text("{}")],
    ["x402Version 9", encodeHeader({ ...unsigned(), x402Version: 9 })],
    ["x402Version as a string", encodeHeader({ ...unsigned(), x402Version: "2" })],
    ["no payload", encodeHeader({ ...unsigned(), payload: undefined })],
  ];
  const tampered: [string, Members][] = [
    ["a lower amount", { amount: offer["amount"] === "1" ? "0" : "1" }],
    ["another payee", { payTo: payer.account }],
    ["another network", { network: "example:elsewhere" }],
    ["a member that was not offered", { discount: "100%" }],
    ["a payment flow that was not offered", { extra: { ...extra, paymentFlow: extra["paymentFlow"] === "escrow" ? "upfront" : "escrow" } }],
  ];
  return [
    ...malformed.map(([what, header]) => ({ what, kind: "malformed" as const, header })),
    { what: "no signature", kind: "unsigned", header: encodeHeader(unsigned()) },
    ...tampered.map(([what, changes]) => ({ what, kind: "tampered" as const, header: encodeHeader(unsigned(changes)) })),
  ];
}
