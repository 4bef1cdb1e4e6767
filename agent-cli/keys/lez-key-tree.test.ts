/** Keys of a seed, beside those that upstream's code derived. */

import { expect, test } from "vitest";
import { bytesToHex, hexToBytes } from "../../shared/crypto/bytes.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import { seeded, tree } from "../../test/vectors/lez/keys.json" with { type: "json" };
import upstream from "../../test/vectors/lez/upstream.json" with { type: "json" };
import { Secret } from "../runtime/secret.ts";
import { keyAt, keyOfAccount, keyPathText, parseKeyPath, pathsInOrder } from "./lez-key-tree.ts";

const seed = new Secret(hexToBytes(tree.seed));

test("6 keys of two seeds are upstream's, to the account [key-tree]", async () => {
  for (const { seed, public: nodes } of [tree, seeded]) {
    for (const node of nodes) {
      const key = await keyAt(new Secret(hexToBytes(seed)), parseKeyPath(node.path) ?? []);
      expect(key && bytesToHex(key.secretKey.reveal()), node.path).toBe(node.ssk);
      expect(key?.publicKey).toBe(node.pk);
      if ("account" in node) expect(key?.account).toBe(node.account);
    }
  }
});

test("the first key of that mnemonic is the one that signed upstream's transaction [key-tree-signed]", async () => {
  const { from, signingKey } = upstream.ground_truth.logos_kit_signed;
  const key = await keyAt(seed, [0]);
  expect([key?.account, key && bytesToHex(key.secretKey.reveal())]).toEqual([from, signingKey]);
});

test("an account is searched for in the wallet's order, among 64 keys [key-tree-search]", async () => {
  const paths = pathsInOrder().map(keyPathText);
  expect(paths.slice(0, 9)).toEqual(["/", "/0", "/1", "/0/0", "/2", "/1/0", "/0/1", "/0/0/0", "/3"]);
  expect([paths.length, new Set(paths).size, paths.at(-1)]).toEqual([64, 64, "/0/0/0/0/0/0"]);
  const [last] = tree.public.slice(-1);
  expect((await keyOfAccount(seed, last?.account as LezAccountId))?.path).toEqual([0, 0]);
  expect(await keyOfAccount(seed, upstream.ground_truth.logos_kit_signed.from.replace("A", "B") as LezAccountId)).toBeUndefined();
});

test("a path is written in one way", () => {
  expect(["/", "/0", "/0/4294967295"].map((text) => parseKeyPath(text))).toEqual([[], [0], [0, 4_294_967_295]]);
  for (const text of ["", "0", "//", "/0/", "/-1", "/+1", "/01", "/4294967296", "/0x1", "/1.0", "m/0", "/0'", `/${"0/".repeat(8)}0`]) {
    expect(parseKeyPath(text), text).toBeUndefined();
  }
});
