/** What a push service carries and cannot read: RFC 8291, one record of `aes128gcm` (RFC 8188). */

import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, randomBytes, utf8 } from "../../../shared/crypto/bytes.ts";
import { MAX_PUSH_TEXT_BYTES, PUSH_PADDING_BYTES } from "../../../shared/limits.ts";

/** Of a browser's subscription. */
export interface PushKeys {
  /** Its P-256 point, uncompressed: 65 bytes. */
  p256dh: Uint8Array<ArrayBuffer>;
  /** 16 bytes that only browser and desk know. */
  auth: Uint8Array<ArrayBuffer>;
}

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;
type Agreement = Parameters<typeof crypto.subtle.deriveBits>[0];

export interface KeyPair {
  publicKey: Key;
  privateKey: Key;
}

/** Of one message. Only tests give them. */
export interface Ephemeral {
  key: KeyPair;
  salt: Uint8Array;
  padding: number;
}

const CURVE = { name: "ECDH", namedCurve: "P-256" };
const RECORD_BYTES = 4096;
/** Behind the text of the last record; zeroes may follow. */
const LAST = 2;

/** @throws if the keys are no browser's, or the text has more than MAX_PUSH_TEXT_BYTES */
export async function encryptPush(text: Uint8Array, { p256dh, auth }: PushKeys, given?: Ephemeral): Promise<Uint8Array<ArrayBuffer>> {
  if (text.length > MAX_PUSH_TEXT_BYTES) throw new RangeError(`a push has at most ${MAX_PUSH_TEXT_BYTES} bytes`);
  const { key, salt, padding } = given ?? {
    key: (await crypto.subtle.generateKey(CURVE, false, ["deriveBits"])) as KeyPair,
    salt: randomBytes(16),
    padding: PUSH_PADDING_BYTES - 1 - (text.length % PUSH_PADDING_BYTES),
  };
  const own = new Uint8Array((await crypto.subtle.exportKey("raw", key.publicKey)) as ArrayBuffer);
  const shared = new Uint8Array(await crypto.subtle.deriveBits(agreement(await importPoint(p256dh)), key.privateKey, 256));
  const input = hkdf(sha256, shared, auth, concatBytes([utf8("WebPush: info\0"), p256dh, own]), 32);
  const contentKey = hkdf(sha256, input, salt, utf8("Content-Encoding: aes128gcm\0"), 16);
  const nonce = hkdf(sha256, input, salt, utf8("Content-Encoding: nonce\0"), 12);
  const aes = await crypto.subtle.importKey("raw", concatBytes([contentKey]), "AES-GCM", false, ["encrypt"]);
  const record = concatBytes([text, Uint8Array.of(LAST), new Uint8Array(padding)]);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: concatBytes([nonce]) }, aes, record);
  const header = new Uint8Array(21);
  header.set(salt);
  new DataView(header.buffer).setUint32(16, RECORD_BYTES);
  header[20] = own.length;
  return concatBytes([header, own, new Uint8Array(sealed)]);
}

function importPoint(bytes: Uint8Array<ArrayBuffer>): Promise<Key> {
  return crypto.subtle.importKey("raw", bytes, CURVE, true, []);
}

/** The types of Workers call the member `$public`, which no runtime does. */
function agreement(publicKey: Key): Agreement {
  return { name: "ECDH", public: publicKey } as unknown as Agreement;
}
