import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { hexToBytes } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { compressedKey, signatureOfDer } from "../crypto/p256.ts";
import { accountOfPasskey } from "./account.ts";
import { proofOfAssertion } from "./assertion.ts";
import { verifyProof } from "./proof.ts";

interface Recorded {
  passkeys: {
    origin: string;
    spki: string;
    assertions: { digest: string; authenticatorData: string; clientDataJSON: string; signature: string }[];
  }[];
}

/** Made by test/vectors/chromium-assertions.ts in a real browser. */
const file = new URL("../../test/vectors/chromium-assertions.json", import.meta.url);
const { passkeys } = JSON.parse(readFileSync(file, "utf8")) as Recorded;
const cases = passkeys.flatMap(({ origin, spki, assertions }) => assertions.map((assertion) => ({ origin, spki, ...assertion })));

describe("an assertion of Chromium", () => {
  test.each(cases)("at $origin proves its digest, and no other [chromium-proves]", async ({ origin, spki, digest, ...assertion }) => {
    const publicKey = compressedKey(hexToBytes(spki)) ?? "";
    const bytes = (member: keyof typeof assertion) => hexToBytes(assertion[member]);
    const parts = { authenticatorData: bytes("authenticatorData"), clientDataJSON: bytes("clientDataJSON"), signature: bytes("signature") };
    const proof = proofOfAssertion(publicKey, parts);
    if (!proof) throw new Error("not a signature in DER");
    const rpIdHash = createHash("sha256").update(new URL(origin).hostname).digest();
    const account = accountOfPasskey(rpIdHash, hexToBytes(publicKey));
    const claimed = { type: "Authorization", digest: digest as Digest, account } as const;
    const localhost = origin.startsWith("http://localhost");
    expect(await verifyProof({ proof }, claimed, { localhost })).toEqual({ ok: true });
    if (localhost) expect(await verifyProof({ proof }, claimed)).toMatchObject({ ok: false });
    expect(await verifyProof({ proof }, { ...claimed, digest: "11".repeat(32) as Digest })).toMatchObject({ ok: false });
  });
});

test.each([
  ["nothing", ""],
  ["a sequence that is longer than its bytes", "3045020101020101"],
  ["one number", "3003020101"],
  ["three numbers", "3009020101020101020101"],
  ["a number of another type", "3006030101020101"],
  ["a number of 33 bytes", `30260221${"01".repeat(33)}020101`],
])("a signature in DER is refused: %s", (_, der) => expect(signatureOfDer(hexToBytes(der))).toBeUndefined());

test("a short number in DER is filled up", () => {
  expect(signatureOfDer(hexToBytes("3007020200ff020101"))).toEqual(hexToBytes(`${"00".repeat(31)}ff${"00".repeat(31)}01`));
});

test.each(["", "3059301306072a8648ce3d020106082a8648ce3d03010703420004", `302a300506032b6570032100${"11".repeat(32)}`])(
  "a key that is no P-256 key has no spelling: %s",
  (spki) => expect(compressedKey(hexToBytes(spki))).toBeUndefined(),
);
