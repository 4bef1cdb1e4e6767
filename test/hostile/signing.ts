/** The hostile merchant's two keys, what it signs with them, and the key documents that it publishes. */

import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { ServerResponse } from "node:http";
import { base64urlnopad } from "@scure/base";
import { bytesToHex, concatBytes, hexToBytes, utf8 } from "../../shared/crypto/bytes.ts";
import { offerPayload, type OfferPayload, signedOffers } from "../../shared/extensions/offer-receipt.ts";
import { MAX_DID_DOCUMENT_BYTES } from "../../shared/limits.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";

function keyOf(seed: string) {
  const der = concatBytes([hexToBytes("302e020100300506032b657004220420"), hexToBytes(seed)]);
  const privateKey = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
  const { x = "" } = createPublicKey(privateKey).export({ format: "jwk" });
  return { privateKey, x, name: x.slice(0, 16), publicKey: bytesToHex(base64urlnopad.decode(x)) };
}

export const FIRST_KEY = keyOf("5a".repeat(32));
export const SECOND_KEY = keyOf("5b".repeat(32));
type Key = typeof FIRST_KEY;

const didOf = (host: string) => `did:web:${encodeURIComponent(host)}`;

/** @param changes members that the signature covers and the offer does not have */
export function signedExtension(
  url: string,
  offer: PaymentRequirements,
  { key = FIRST_KEY, host = new URL(url).host, changes = {} }: { key?: Key; host?: string; changes?: Partial<OfferPayload> } = {},
) {
  const validUntil = Math.floor(Date.now() / 1000) + 900;
  const header = { alg: "EdDSA", kid: `${didOf(host)}#${key.name}` };
  const signed = [header, { ...offerPayload(url, offer, validUntil), ...changes }]
    .map((part) => base64urlnopad.encode(utf8(JSON.stringify(part))))
    .join(".");
  const seal = base64urlnopad.encode(new Uint8Array(sign(null, Buffer.from(signed), key.privateKey)));
  return signedOffers({ format: "jws", signature: `${signed}.${seal}` });
}

function method(host: string, { name, x }: Pick<Key, "name" | "x">, changes: object = {}) {
  const did = didOf(host);
  const publicKeyJwk = { kty: "OKP", crv: "Ed25519", x };
  return { id: `${did}#${name}`, type: "JsonWebKey2020", controller: did, publicKeyJwk, ...changes };
}

function documentOf(host: string, signing: readonly Key[], retired: readonly Key[] = [], changes: object = {}): object {
  return {
    id: didOf(host),
    verificationMethod: [...signing, ...retired].map((key) => method(host, key)),
    assertionMethod: signing.map(({ name }) => `${didOf(host)}#${name}`),
    ...changes,
  };
}

interface Document {
  does: string;
  answer: (response: ServerResponse, host: string, elsewhere: string) => void;
}

const publishes =
  (document: (host: string) => object): Document["answer"] =>
  (response, host) =>
    void response.setHeader("Content-Type", "application/json").end(JSON.stringify(document(host)));

/** By name: what /.well-known/did.json says. */
export const DOCUMENTS = {
  honest: { does: "the first key", answer: publishes((host) => documentOf(host, [FIRST_KEY])) },
  overlap: { does: "the second key, and the first as retired", answer: publishes((host) => documentOf(host, [SECOND_KEY], [FIRST_KEY])) },
  replaced: { does: "the second key alone", answer: publishes((host) => documentOf(host, [SECOND_KEY])) },
  missing: { does: "404", answer: (response) => void response.writeHead(404).end() },
  huge: {
    does: "more than a client reads",
    answer: publishes((host) => documentOf(host, [FIRST_KEY], [], { padding: "x".repeat(MAX_DID_DOCUMENT_BYTES) })),
  },
  silent: { does: "nothing, ever", answer: () => undefined },
  closes: { does: "closes the connection", answer: (response) => void response.destroy() },
  redirect: {
    does: "redirects to another origin, where it would be found",
    answer: (response, _host, elsewhere) => void response.writeHead(302, { Location: `${elsewhere}/.well-known/did.json` }).end(),
  },
  "not-json": { does: "a page", answer: (response) => void response.end("<html>key</html>") },
  deep: { does: "JSON that is nested without end", answer: (response) => void response.end("[".repeat(5000)) },
  "other-id": {
    does: "the document of another host",
    answer: publishes((host) => documentOf(host, [FIRST_KEY], [], { id: didOf("shop.example") })),
  },
  "other-controller": {
    does: "the key, controlled by another host",
    answer: publishes((host) =>
      documentOf(host, [FIRST_KEY], [], { verificationMethod: [method(host, FIRST_KEY, { controller: didOf("shop.example") })] }),
    ),
  },
  "small-order": {
    does: "a key for which one signature fits every message",
    answer: publishes((host) =>
      documentOf(host, [FIRST_KEY], [], {
        verificationMethod: [method(host, { name: FIRST_KEY.name, x: base64urlnopad.encode(new Uint8Array(32)) })],
      }),
    ),
  },
  "many-keys": {
    does: "1000 keys, the right one last",
    answer: publishes((host) => {
      // Small ones, so that the document is not too large as well.
      const others = Array.from({ length: 999 }, () => ({ id: "#", controller: "" }));
      return { id: didOf(host), verificationMethod: [...others, method(host, FIRST_KEY)], assertionMethod: [`#${FIRST_KEY.name}`] };
    }),
  },
  "not-asserting": { does: "the key, but not for signing", answer: publishes((host) => documentOf(host, [], [FIRST_KEY])) },
} as const satisfies Record<string, Document>;

export type DocumentName = keyof typeof DOCUMENTS;
export const DOCUMENT_NAMES = Object.keys(DOCUMENTS) as DocumentName[];
