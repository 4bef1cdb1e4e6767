/** What holds of the codec for any input: tests try it on some, `npm run zone` on many more. */

import { isDeepStrictEqual as same } from "node:util";
import * as fc from "fast-check";
import { bytesToHex } from "../../crypto/bytes.ts";
import { lezAccountOfBytes } from "../account.ts";
import { type BlockContent, blockHash, decodeBlock, encodeBlock } from "../block.ts";
import { decodeExactly } from "../borsh.ts";
import { encodeTransaction, type PublicTransaction, readTransaction } from "../transaction.ts";
import { decodeTransfer, encodeTransfer, type NativeTransfer, transferHash } from "../transfer.ts";
import { sha256 } from "./second.ts";

/** Objects as those of literals. */
const PLAIN = { noNullPrototype: true } as const;

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const account = bytes(32).map(lezAccountOfBytes);
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const u128 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
const fee = fc.record({ payer: account, gasLimit: u64, tip: u64, maxFee: u128 }, PLAIN);
const witness = fc.record({ signature: bytes(64), publicKey: bytes(32) }, PLAIN);

export const transfers: fc.Arbitrary<NativeTransfer> = fc
  .record({ from: account, to: account, value: u128, nonce: u128, fee, witness }, PLAIN)
  .map(({ witness, ...terms }) => ({ ...terms, ...witness }));

const transactions: fc.Arbitrary<PublicTransaction> = fc
  .record(
    {
      program: account,
      selectors: fc.array(fc.record({ account, program: account }, PLAIN), { maxLength: 5 }),
      nonces: fc.array(u128, { maxLength: 3 }),
      instruction: fc.uint8Array({ maxLength: 40 }),
      fee: fc.option(fee, { nil: undefined }),
      witnesses: fc.array(witness, { maxLength: 3 }),
    },
    PLAIN,
  )
  .map(({ fee, ...transaction }) => ({ ...transaction, ...(fee && { fee }) }));

const blocks: fc.Arbitrary<BlockContent> = fc.record(
  {
    id: u64,
    previousHash: bytes(32).map((hash) => bytesToHex(hash) as BlockContent["previousHash"]),
    timestamp: u64,
    producer: bytes(32),
    transactions: fc.array(transactions, { maxLength: 4 }),
  },
  PLAIN,
);

export function decodesWhatItEncodes(runs: number): void {
  fc.assert(
    fc.property(transfers, (transfer) => {
      const wire = encodeTransfer(transfer);
      const decoded = decodeTransfer(wire);
      return (
        decoded.ok &&
        same(decoded.transfer, transfer) &&
        decoded.h === transferHash(transfer) &&
        decoded.id === sha256(Buffer.from(wire).subarray(1))
      );
    }),
    { numRuns: runs },
  );
  fc.assert(
    fc.property(transactions, (transaction) => {
      const decoded = decodeExactly(encodeTransaction(transaction), readTransaction);
      return decoded.ok && same(decoded.value.transaction, transaction);
    }),
    { numRuns: runs },
  );
  fc.assert(
    fc.property(blocks, bytes(64), (content, signature) => {
      const decoded = decodeBlock(encodeBlock(content, signature, "safe"));
      const { block } = decoded.ok ? decoded : {};
      const again = block && { ...content, transactions: block.transactions.map(({ transaction }) => transaction) };
      return block?.status === "safe" && again !== undefined && same(again, content) && block.hash === blockHash(content);
    }),
    { numRuns: Math.ceil(runs / 4) },
  );
}

/** Whatever decodes, encodes to the same bytes; whatever does not, is refused without an exception. */
export function isTotal(runs: number): void {
  const judge = (wire: Uint8Array) => {
    const decoded = decodeTransfer(wire);
    if (decoded.ok) return bytesToHex(encodeTransfer(decoded.transfer)) === bytesToHex(wire);
    return decoded.problem.length > 0 && typeof decodeBlock(wire).ok === "boolean";
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), judge), { numRuns: runs });
  const damaged = fc.tuple(transfers, fc.nat(370), fc.nat(255)).map(([transfer, at, byte]) => encodeTransfer(transfer).with(at, byte));
  fc.assert(fc.property(damaged, judge), { numRuns: runs });
}
