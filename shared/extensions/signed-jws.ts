/** Reads a merchant's signed object: a compact JWS (RFC 7515) with EdDSA (RFC 8037) and a JSON payload. */

import { base64urlnopad } from "@scure/base";
import * as z from "zod/mini";
import { hexToBytes, utf8 } from "../crypto/bytes.ts";
import { verifyStrict } from "../crypto/ed25519.ts";
import { MAX_HEADER_BYTES } from "../limits.ts";
import { chargeSchema } from "../protocol/amount.ts";
import { usageSchema } from "../protocol/usage.ts";
import { parseJson } from "../text/json.ts";
import { wholeNumber } from "../whole-number.ts";
import type { OfferPayload, ReceiptPayload, SignedJws } from "./offer-receipt.ts";

export const signedJwsSchema = z.looseObject({ format: z.literal("jws"), signature: z.string().check(z.maxLength(MAX_HEADER_BYTES)) });

/** The same alone, as evidence and a desk take it. */
export const jwsSchema = z.strictObject({
  format: z.literal("jws"),
  signature: z
    .string()
    .check(z.maxLength(MAX_HEADER_BYTES), z.regex(/^[\w-]+\.[\w-]+\.[\w-]+$/, "must be three parts of base64url with points between")),
});

/** `crit` names extensions that a reader must understand; we know none. */
const headerSchema = z.looseObject({ alg: z.literal("EdDSA"), kid: z.string(), crit: z.optional(z.undefined()) });

const stated = z.string();

export const offerPayloadSchema: z.ZodMiniType<OfferPayload> = z.strictObject({
  version: z.literal(1),
  resourceUrl: stated,
  scheme: stated,
  network: stated,
  asset: stated,
  payTo: stated,
  amount: stated,
  validUntil: wholeNumber(),
});

export const receiptPayloadSchema: z.ZodMiniType<ReceiptPayload> = z.strictObject({
  version: z.literal(1),
  network: stated,
  resourceUrl: stated,
  payer: stated,
  issuedAt: wholeNumber(),
  transaction: stated,
  amount: z.optional(chargeSchema),
  usage: z.optional(usageSchema),
});

export interface ReadJws<Payload> {
  /** The claimed signer, a DID URL. Worth as much as the key that it leads to. */
  kid: string;
  payload: Payload;
  /** Whether the holder of this Ed25519 key (64 hex digits) signed it. */
  isSignedBy(publicKey: string): Promise<boolean>;
}

/** undefined: not a JWS of this kind. Believe the payload only after `isSignedBy` said yes. */
export function readJws<Payload>({ signature }: SignedJws, schema: z.ZodMiniType<Payload>): ReadJws<Payload> | undefined {
  const [head, body, seal, ...rest] = signature.split(".");
  const [header, payload, bytes] = [decoded(head), decoded(body), decoded(seal)];
  if (!header || !payload || !bytes || rest.length > 0) return undefined;
  const stated = parseJson(header, MAX_HEADER_BYTES, headerSchema);
  const said = parseJson(payload, MAX_HEADER_BYTES, schema);
  if (!stated.ok || !said.ok) return undefined;
  return {
    kid: stated.value.kid,
    payload: said.value,
    isSignedBy: (publicKey) => verifyStrict(bytes, utf8(`${head}.${body}`) as Uint8Array<ArrayBuffer>, hexToBytes(publicKey)),
  };
}

/** Base64url without padding, the one spelling that JWS has. */
function decoded(part: string | undefined): Uint8Array<ArrayBuffer> | undefined {
  try {
    return part === undefined ? undefined : (base64urlnopad.decode(part) as Uint8Array<ArrayBuffer>);
  } catch {
    return undefined;
  }
}
