/**
 * The public keys that LEZ's wallet of v0.3 derives from a seed. The tree resembles BIP-32 with hardened children alone; a node signs with its
 * key plus the hash of that key's point. Older releases derive other keys.
 */

import { createHmac } from "node:crypto";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes } from "../../shared/crypto/bytes.ts";
import { type LezAccountId, lezAccountOfKey } from "../../shared/zone/account.ts";
import { MAX_KEY_PATH_LENGTH } from "../runtime/limits.ts";
import { Secret } from "../runtime/secret.ts";

/** The number of each child on the way from the root, which has an empty one. */
export type KeyPath = readonly number[];

/** A key that signs. The caller wipes it. */
export interface TreeKey {
  path: KeyPath;
  secretKey: Secret;
  account: LezAccountId;
  publicKey: string;
}

interface Node {
  key: Uint8Array;
  chainCode: Uint8Array;
}

const ROOT_LABEL = "/LEE-Keys/v1/Master/Public";
const CHILD_NUMBER = /^(?:0|[1-9][0-9]{0,9})$/;
const MAX_CHILD = 2 ** 32 - 1;
/** The wallet fills its tree layer by layer. The root and six layers are 64 nodes. */
const LAYERS = 6;

/** `/` is the root, `/0/1` the second child of the first. @returns undefined for anything else, and for a longer one than is derived */
export function parseKeyPath(text: string): KeyPath | undefined {
  if (text === "/") return [];
  if (!text.startsWith("/")) return undefined;
  const parts = text.slice(1).split("/");
  if (parts.length > MAX_KEY_PATH_LENGTH || !parts.every((part) => CHILD_NUMBER.test(part))) return undefined;
  const path = parts.map(Number);
  return path.every((child) => child <= MAX_CHILD) ? path : undefined;
}

export function keyPathText(path: KeyPath): string {
  return `/${path.join("/")}`;
}

/** The root and the layers below it, in the order in which the wallet fills them: `/`, `/0`, `/1`, `/0/0`, `/2`, `/1/0`, … */
export function pathsInOrder(): KeyPath[] {
  return [[], ...Array.from({ length: LAYERS }, (_, i) => layer(i + 1)).flat()];
}

/** The paths whose numbers, each plus one, add up to this. */
function layer(sum: number): KeyPath[] {
  if (sum === 0) return [[]];
  const firsts = Array.from({ length: sum }, (_, i) => sum - 1 - i);
  return firsts.flatMap((first) => layer(sum - 1 - first).map((rest) => [first, ...rest]));
}

/** @returns undefined if the seed has no key there, which no one will meet: one in 2^127 has none */
export async function keyAt(seed: Secret, path: KeyPath): Promise<TreeKey | undefined> {
  const { addSecretKeys, compressedKeyOf, publicKeyOf } = await import("../../shared/zone/schnorr.ts");
  let node: Node | undefined = split(hmac(Buffer.from(ROOT_LABEL), seed.reveal()));
  for (const child of path) {
    const { half, chainCode } = childOf(node, child);
    const key = addSecretKeys(node.key, half);
    half.fill(0);
    node.key.fill(0);
    if (!key) return undefined;
    node = { key, chainCode };
  }
  const point = compressedKeyOf(node.key);
  const secretKey = point && addSecretKeys(node.key, sha256(point));
  node.key.fill(0);
  if (!secretKey) return undefined;
  const publicKey = publicKeyOf(secretKey);
  return { path, secretKey: new Secret(secretKey), account: lezAccountOfKey(publicKey), publicKey: bytesToHex(publicKey) };
}

/** The first key of this account among the 64 that `pathsInOrder` names. @returns undefined if it is none of them */
export async function keyOfAccount(seed: Secret, account: LezAccountId): Promise<TreeKey | undefined> {
  for (const path of pathsInOrder()) {
    const key = await keyAt(seed, path);
    if (key?.account === account) return key;
    key?.secretKey.wipe();
  }
  return undefined;
}

function childOf({ key, chainCode }: Node, child: number): { half: Uint8Array; chainCode: Uint8Array } {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, child);
  const { key: half, chainCode: next } = split(hmac(chainCode, concatBytes([Uint8Array.of(0), key, number])));
  return { half, chainCode: next };
}

function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return createHmac("sha512", key).update(message).digest();
}

function split(hash: Uint8Array): Node {
  return { key: hash.slice(0, 32), chainCode: hash.slice(32) };
}
