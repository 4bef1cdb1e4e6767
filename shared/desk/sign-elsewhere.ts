/** What the page gives an owner whose key is on another machine: one text, which `desk sign` reads there. */

import * as z from "zod/mini";
import { fromBase64url, toBase64url, utf8 } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { MAX_DESK_SIGN_BYTES } from "../limits.ts";
import { type DeskSetting, deskSettingDigest, deskSettingSchema, type Pairing, pairingDigest, pairingSchema } from "../protocol/desk.ts";
import { parseJson } from "../text/json.ts";
import { pairingFacts, settingFacts, type Shown } from "./desk-facts.ts";

/** Neither moves money. What does is signed from a request, by `approve`. */
export type SignElsewhere = { type: "Pairing"; object: Pairing } | { type: "DeskSetting"; object: DeskSetting };

const signElsewhereSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("Pairing"), object: pairingSchema }),
  z.strictObject({ type: z.literal("DeskSetting"), object: deskSettingSchema }),
]);

/** What `desk sign` shows, what it signs, and the member under which the signed object names it. */
export interface ReadToSign {
  shown: Shown;
  digest: Digest;
  object: Pairing | DeskSetting;
  member: "pairing" | "deskSetting";
  /** Unix seconds; absent for what does not age. */
  issuedAt?: number;
}

/** base64url of its JSON. */
export function signElsewhereText(what: SignElsewhere): string {
  return toBase64url(utf8(JSON.stringify(what)));
}

/** Reads the text strictly. What has no words for its owner is refused. */
export function readSignElsewhere(text: string): { ok: true; read: ReadToSign } | { ok: false; problem: string } {
  const bytes = text.length <= MAX_DESK_SIGN_BYTES * 2 ? fromBase64url(text) : undefined;
  if (!bytes) return { ok: false, problem: "is not base64url, or too long" };
  const parsed = parseJson(bytes, MAX_DESK_SIGN_BYTES, signElsewhereSchema);
  if (!parsed.ok) return { ok: false, problem: `holds nothing that can be signed here: ${parsed.problem}` };
  const { type, object } = parsed.value;
  if (type === "Pairing")
    return { ok: true, read: { shown: pairingFacts(object), digest: pairingDigest(object), object, member: "pairing" } };
  const shown = settingFacts(object);
  if (!shown) return { ok: false, problem: `changes the setting ${object.setting}, which this version cannot show` };
  return { ok: true, read: { shown, digest: deskSettingDigest(object), object, member: "deskSetting", issuedAt: Number(object.issuedAt) } };
}
