/** Keys, signed transactions and a chain in memory, for the tests of the devnet. */

import { memoryStore } from "../../../agent-cli/demo/memory-store.ts";
import { utf8 } from "../../../shared/crypto/bytes.ts";
import { hexToBytes } from "../../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../../shared/crypto/digest.ts";
import { type LezAccountId, lezAccountOfKey, NATIVE_PROGRAM } from "../../../shared/zone/account.ts";
import { ByteWriter } from "../../../shared/zone/borsh.ts";
import { publicKeyOf, signSchnorr } from "../../../shared/zone/schnorr.ts";
import { encodeTransaction, type Message, messageHash } from "../../../shared/zone/transaction.ts";
import { Chain } from "../chain.ts";
import { type DevnetVars, readConfig } from "../config.ts";

export interface TestKey {
  secretKey: Uint8Array;
  publicKey: Uint8Array;
  account: LezAccountId;
}

/** The same key for the same name. */
export function keyOf(name: string): TestKey {
  const secretKey = hexToBytes(bodyDigest(utf8(name)));
  const publicKey = publicKeyOf(secretKey);
  return { secretKey, publicKey, account: lezAccountOfKey(publicKey) };
}

export interface TestTransfer {
  to: LezAccountId;
  value?: bigint;
  nonce?: bigint;
  gasLimit?: bigint;
  tip?: bigint;
  maxFee?: bigint;
}

/** A native transfer as a wallet makes it. 371 bytes at prices of 8 are charged 2,968. */
export function transferMessage(
  from: TestKey,
  { to, value = 1000n, nonce = 0n, gasLimit = 0n, tip = 0n, maxFee = 100_000n }: TestTransfer,
): Message {
  return {
    program: NATIVE_PROGRAM,
    selectors: [from.account, to].map((account) => ({ account, program: NATIVE_PROGRAM })),
    nonces: [nonce],
    instruction: new ByteWriter().u8(0).u128(value).done(),
    fee: { payer: from.account, gasLimit, tip, maxFee },
  };
}

/** @param aux another value makes another transaction of the same message */
export function signed(message: Message, signers: readonly TestKey[], aux = 0): Uint8Array {
  const hash = messageHash(message);
  const witnesses = signers.map(({ secretKey, publicKey }) => ({
    publicKey,
    signature: signSchnorr(hash, secretKey, new Uint8Array(32).fill(aux)),
  }));
  return encodeTransaction({ ...message, witnesses });
}

export function transfer(from: TestKey, terms: TestTransfer): Uint8Array {
  return signed(transferMessage(from, terms), [from]);
}

/** A chain in memory whose block 1 gives each of these keys so many lepta. */
export function chainWith(supply: readonly (readonly [TestKey, bigint])[], vars: DevnetVars = {}): Chain {
  const listed = supply.map(([{ account }, amount]) => [account, amount.toString()]);
  return new Chain(memoryStore(), readConfig({ SUPPLY: JSON.stringify(listed), ...vars }));
}
