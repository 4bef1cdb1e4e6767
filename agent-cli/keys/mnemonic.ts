/** BIP-39 mnemonics in English. No word is repeated in what is said of them. Loaded on first use: the list is long. */

import { mnemonicToEntropy, mnemonicToSeedWebcrypto } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { Secret } from "../runtime/secret.ts";

const COUNTS: readonly number[] = [12, 15, 18, 21, 24];
const KNOWN: ReadonlySet<string> = new Set(wordlist);

/** What is wrong with the words, by their positions. @returns undefined for a mnemonic whose checksum is good */
export function mnemonicProblem(text: string): string | undefined {
  const words = wordsOf(text);
  if (!COUNTS.includes(words.length)) return `${words.length} words; a mnemonic has 12, 15, 18, 21 or 24`;
  const unknown = words.flatMap((word, i) => (KNOWN.has(word) ? [] : [i + 1]));
  const [first] = unknown;
  if (first !== undefined && unknown.length === 1) return `word ${first} is not in BIP-39's English list`;
  if (first !== undefined) return `words ${unknown.join(", ")} are not in BIP-39's English list`;
  try {
    mnemonicToEntropy(words.join(" "), wordlist).fill(0);
    return undefined;
  } catch {
    return "each word is in the list, and the checksum is wrong: one of them is another, or their order is";
  }
}

/** The seed of a mnemonic without a problem and without a passphrase, 64 bytes. The caller wipes it. */
export async function seedOfMnemonic(text: string): Promise<Secret> {
  return new Secret(await mnemonicToSeedWebcrypto(wordsOf(text).join(" ")));
}

function wordsOf(text: string): string[] {
  return text.normalize("NFKD").toLowerCase().split(/\s+/u).filter(Boolean);
}
