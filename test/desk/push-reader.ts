/** A browser's half of Web Push, and a push service's, over node:crypto alone: nothing of it is the desk's code. */

import { createDecipheriv, createECDH, createPublicKey, hkdfSync, verify } from "node:crypto";

export interface BrowserKeys {
  privateKey: Buffer;
  auth: Buffer;
}

/** RFC 8291 over RFC 8188: one record. @returns its text @throws for a record that was not sealed for these keys */
export function decryptPush(body: Buffer, { privateKey, auth }: BrowserKeys): string {
  const own = createECDH("prime256v1");
  own.setPrivateKey(privateKey);
  const [salt, idLength] = [body.subarray(0, 16), body.readUInt8(20)];
  const sender = body.subarray(21, 21 + idLength);
  const record = body.subarray(21 + idLength);
  const info = Buffer.concat([Buffer.from("WebPush: info\0"), own.getPublicKey(), sender]);
  const input = Buffer.from(hkdfSync("sha256", own.computeSecret(sender), auth, info, 32));
  const key = Buffer.from(hkdfSync("sha256", input, salt, "Content-Encoding: aes128gcm\0", 16));
  const nonce = Buffer.from(hkdfSync("sha256", input, salt, "Content-Encoding: nonce\0", 12));
  const decipher = createDecipheriv("aes-128-gcm", key, nonce);
  decipher.setAuthTag(record.subarray(-16));
  const plain = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()]);
  const end = plain.findLastIndex((byte) => byte !== 0);
  if (plain[end] !== 2) throw new Error("it is not the last record");
  if (record.length + 21 + idLength > 4096) throw new Error("it is longer than a push may be");
  return plain.toString("utf8", 0, end);
}

export interface Vapid {
  /** base64url. */
  publicKey: string;
  claims: Record<string, unknown>;
}

/** RFC 8292. @throws for a header that is not signed by the key that it names */
export function verifyVapid(header: string): Vapid {
  const [, head = "", claims = "", signature = "", publicKey = ""] =
    /^vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), k=([\w-]+)$/.exec(header) ?? [];
  const point = Buffer.from(publicKey, "base64url");
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString("base64url"));
  const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x: x ?? "", y: y ?? "" }, format: "jwk" });
  const isSigned = verify(
    "sha256",
    Buffer.from(`${head}.${claims}`),
    { key, dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
  if (!isSigned) throw new Error("the signature is not of the key");
  const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString("utf8")) as Record<string, unknown>;
  if (read(head)["alg"] !== "ES256") throw new Error("the algorithm is another");
  return { publicKey, claims: read(claims) };
}
