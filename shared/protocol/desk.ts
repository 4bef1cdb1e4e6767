/**
 * What an account's holder signs at a desk: to sign in, to pair an agent, to change a setting; and how a paired agent signs its calls.
 * None of it moves money. spec/protocol.md §17.
 */

import * as z from "zod/mini";
import { hexSchema, publicKeySchema, signatureSchema } from "../crypto/bytes.ts";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { MAX_SETTING_LENGTH, MAX_URL_LENGTH } from "../limits.ts";
import { unixSecondsText } from "../time.ts";
import { accountIdSchema } from "./account.ts";
import { originSchema } from "./origin.ts";
import { withProof } from "./proof.ts";

/** Lets its account read at this origin. */
export const loginSchema = z.strictObject({
  version: z.literal("1"),
  /** Of the desk, as the page that signs sees it. */
  origin: originSchema,
  account: accountIdSchema,
  /** The desk's, once. The page builds everything else. */
  nonce: digestSchema,
  issuedAt: unixSecondsText,
});
export type Login = z.infer<typeof loginSchema>;
export const signedLoginSchema = withProof({ login: loginSchema });
export type SignedLogin = z.infer<typeof signedLoginSchema>;

/** Joins an agent's key to an account at a desk. Both sides show the start of its digest. */
export const pairingSchema = z.strictObject({
  desk: originSchema,
  account: accountIdSchema,
  agent: publicKeySchema,
  /** 128 random bits of the agent, which the link carries in its fragment: 32 hex digits. */
  secret: hexSchema(16),
});
export type Pairing = z.infer<typeof pairingSchema>;
export const signedPairingSchema = withProof({ pairing: pairingSchema });
export type SignedPairing = z.infer<typeof signedPairingSchema>;

/** One change at the desk: a device, a webhook, what a notice says, the end of a pairing. */
export const deskSettingSchema = z.strictObject({
  version: z.literal("1"),
  desk: originSchema,
  account: accountIdSchema,
  /** What is changed, in the desk's words: `webhook.add`. */
  setting: z.string().check(z.regex(/^[a-z][a-z.-]{0,63}$/, "must be the name of a setting")),
  /** What it becomes. */
  value: z.string().check(z.maxLength(MAX_SETTING_LENGTH)),
  issuedAt: unixSecondsText,
  /** Random: each change counts once. */
  nonce: digestSchema,
});
export type DeskSetting = z.infer<typeof deskSettingSchema>;
export const signedDeskSettingSchema = withProof({ deskSetting: deskSettingSchema });
export type SignedDeskSetting = z.infer<typeof signedDeskSettingSchema>;

/** One call of a paired agent. */
export const deskCallSchema = z.strictObject({
  /** The desk that is called: a call to one counts at no other. */
  desk: originSchema,
  method: z.string().check(z.regex(/^[A-Z]{1,16}$/, "must be a method of HTTP")),
  /** Path and query, as sent. */
  path: z.string().check(z.maxLength(MAX_URL_LENGTH)),
  /** Of the body; of no bytes where there is none. */
  bodySha256: digestSchema,
  at: unixSecondsText,
  nonce: digestSchema,
});
export type DeskCall = z.infer<typeof deskCallSchema>;
/** Signed by the agent's key, and never by a proof of another kind. */
export const signedDeskCallSchema = z.strictObject({ call: deskCallSchema, publicKey: publicKeySchema, signature: signatureSchema });
export type SignedDeskCall = z.infer<typeof signedDeskCallSchema>;

export function loginDigest(login: Login): Digest {
  return digest("Login", login);
}

export function pairingDigest(pairing: Pairing): Digest {
  return digest("Pairing", pairing);
}

export function deskSettingDigest(setting: DeskSetting): Digest {
  return digest("DeskSetting", setting);
}

export function deskCallDigest(call: DeskCall): Digest {
  return digest("DeskCall", call);
}
