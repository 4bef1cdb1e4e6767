/** Words of a mnemonic: what is wrong with them, by position. */

import { expect, test } from "vitest";
import { bytesToHex } from "../../shared/crypto/bytes.ts";
import { tree } from "../../test/vectors/lez/keys.json" with { type: "json" };
import { mnemonicProblem, seedOfMnemonic } from "./mnemonic.ts";

const { mnemonic, seed } = tree;
const words = mnemonic.split(" ");

test("the seed is that of BIP-39 with an empty passphrase, however the words are spaced and capitalized [mnemonic-seed]", async () => {
  for (const text of [mnemonic, `  ${words.join("\t ")}\n`, mnemonic.toUpperCase()]) {
    expect(mnemonicProblem(text)).toBeUndefined();
    expect(bytesToHex((await seedOfMnemonic(text)).reveal())).toBe(seed);
  }
});

test("a fault is named by its position, and no word is repeated [mnemonic-faults]", () => {
  const swapped = words.with(2, "abandonn");
  const faults = [
    ["", "0 words"],
    [words.slice(1).join(" "), "11 words"],
    [swapped.join(" "), "word 3 is not"],
    [swapped.with(10, "aboutt").join(" "), "words 3, 11 are not"],
    [words.with(11, "abandon").join(" "), "checksum"],
    [words.with(0, "about").with(11, "abandon").join(" "), "checksum"],
  ] as const;
  for (const [text, problem] of faults) {
    expect(mnemonicProblem(text)).toContain(problem);
    for (const word of ["abandon", "about"]) expect(mnemonicProblem(text)).not.toContain(word);
  }
});
