/**
 * Decoys: what --active sends instead of a payment. None can pay: each has zeros instead of a signature, and names an account
 * that was made for this run and is empty.
 */

import { hexToBytes, toBase64, utf8 } from "../../shared/crypto/bytes.ts";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { NETWORK, X402_VERSION } from "../../shared/lez.ts";
import { MAX_VALIDITY_SECONDS } from "../../shared/limits.ts";
import { accountOfKey } from "../../shared/protocol/account.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import { exactPayloadSchema } from "../../shared/protocol/exact-payload.ts";
import { generateSecretKey, keySigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { encodeHeader } from "../../shared/x402/headers.ts";
import { isMembers, type Members } from "./terms-read.ts";

/** R and S are zero: R has small order, so no strict verifier accepts it, and no key produces it. */
const NOT_A_SIGNATURE = "00".repeat(64);

export interface Decoy {
  /** Completes `with …` in a report. */
  what: string;
  kind: "malformed" | "unsigned" | "tampered";
  header: string;
}

export interface DecoyPayer {
  account: string;
  publicKey: string;
}

export async function newDecoyPayer(): Promise<DecoyPayer> {
  const { publicKey } = await keySigner(generateSecretKey());
  return { publicKey, account: accountOfKey(hexToBytes(publicKey)) };
}

/** A PaymentPayload that lacks only the signature. */
export function unsignedPayload(offer: Members, payer: DecoyPayer, resource?: unknown): Members {
  return { x402Version: X402_VERSION, ...(resource !== undefined && { resource }), accepted: offer, payload: schemePayload(offer, payer) };
}

/** For other networks an outline is enough: their facilitators refuse it by its shape. */
function schemePayload(offer: Members, payer: DecoyPayer): Members {
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

/** Every decoy for an offer. A merchant must refuse all of them. */
export function decoysFor(offer: Members, payer: DecoyPayer, resource: unknown): Decoy[] {
  const unsigned = (changes: Members = {}) => unsignedPayload({ ...offer, ...changes }, payer, resource);
  const text = (json: string) => toBase64(utf8(json));
  const extra = isMembers(offer["extra"]) ? offer["extra"] : {};
  const malformed: [string, string][] = [
    ["a header that is not base64", "this is not base64!"],
    ["base64 of text that is not JSON", text("not JSON")],
    ["JSON that is not an object", text("null")],
    ["an empty object", text("{}")],
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
