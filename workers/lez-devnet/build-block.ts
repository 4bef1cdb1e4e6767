/** Builds the next block: grants first, then the queue in its order, then the two transactions that end every block. */

import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import {
  accountOfProgram,
  BRIDGE_ACCOUNT,
  BRIDGE_PROGRAM,
  FEE_ACCOUNTS,
  type LezAccountId,
  lezAccountBytes,
  lezAccountOfKey,
  NATIVE_PROGRAM,
} from "../../shared/zone/account.ts";
import { type BlockContent, blockHash, clockInvocation, encodeBlock, feeInvocation, type FeeSummary } from "../../shared/zone/block.ts";
import { ByteWriter } from "../../shared/zone/borsh.ts";
import { MAX_GAS_EXEC, MAX_GAS_STOR } from "../../shared/zone/fees.ts";
import { publicKeyOf, signSchnorr } from "../../shared/zone/schnorr.ts";
import { encodeTransaction, type PublicTransaction } from "../../shared/zone/transaction.ts";
import { type Accounts, closeMarket, type FeeMarket } from "./chain-state.ts";
import { MAX_BLOCK_TRANSACTIONS, MAX_TRANSACTION_BYTES } from "./limits.ts";
import { type Dropped, settle } from "./settle.ts";

/** Who produces blocks, and is paid for them. */
export interface Producer {
  secretKey: Uint8Array;
  publicKey: Uint8Array;
  account: LezAccountId;
}

export function producerOf(secretKey: Uint8Array): Producer {
  const publicKey = publicKeyOf(secretKey);
  return { secretKey, publicKey, account: lezAccountOfKey(publicKey) };
}

/** Money that the bridge issues. */
export interface Deposit {
  /** 32 bytes that no other deposit has. */
  operation: Uint8Array;
  account: LezAccountId;
  /** u64. */
  amount: bigint;
}

/** What waits. `ref` is the caller's own name for it. */
export interface Queued {
  ref: number;
  transaction: PublicTransaction;
}

export interface Opening {
  id: bigint;
  previousHash: Digest;
  /** Unix milliseconds. */
  timestamp: bigint;
  market: FeeMarket;
  accounts: Accounts;
}

export interface Built {
  hash: Digest;
  /** With status `pending`. */
  bytes: Uint8Array;
  transactions: readonly PublicTransaction[];
  market: FeeMarket;
  /** What left the queue, and what became of it. The rest waits for the next block. */
  taken: { ref: number; outcome: "done" | "reverted" | Dropped }[];
}

/**
 * @param opening its `accounts` are changed
 * @param deposits at most 20, each issued for the first time
 * @param queue in order; it is read no further than the block has room
 */
export function buildBlock(opening: Opening, deposits: readonly Deposit[], queue: Iterable<Queued>, producer: Producer): Built {
  const { accounts, market } = opening;
  const body: PublicTransaction[] = deposits.map((each) => issue(each, accounts));
  const taken: Built["taken"] = [];
  const sum = { gasExec: 0n, gasStor: 0n, revenueBase: 0n, revenueTip: 0n };
  let declaredGas = 0n;
  let size = body.reduce((bytes, transaction) => bytes + encodeTransaction(transaction).length, 0);

  for (const { ref, transaction } of body.length < MAX_BLOCK_TRANSACTIONS ? queue : []) {
    const bytes = encodeTransaction(transaction).length;
    const gasLimit = transaction.fee?.gasLimit ?? 0n;
    const isFull = declaredGas + gasLimit > MAX_GAS_EXEC || sum.gasStor + BigInt(bytes) > MAX_GAS_STOR;
    // What fits into no block is not waited with: it is dropped for its fee.
    if (gasLimit <= MAX_GAS_EXEC && (isFull || size + bytes > MAX_TRANSACTION_BYTES)) break;
    const settled = settle(transaction, bytes, market.base, accounts);
    taken.push({ ref, outcome: settled.kind === "dropped" ? settled.why : settled.reverted ? "reverted" : "done" });
    if (settled.kind === "dropped") continue;
    body.push(transaction);
    size += bytes;
    declaredGas += gasLimit;
    sum.gasStor += BigInt(bytes);
    sum.revenueBase += settled.revenueBase;
    sum.revenueTip += settled.revenueTip;
    if (body.length === MAX_BLOCK_TRANSACTIONS) break;
  }
  return { ...seal(opening, body, sum, producer), taken };
}

/** Block 1: the money that the chain begins with. */
export function buildGenesis(opening: Opening, deposits: readonly Deposit[], producer: Producer): Omit<Built, "taken"> {
  const issued = deposits.map((deposit) => issue(deposit, opening.accounts));
  return seal(opening, issued, { gasExec: 0n, gasStor: 0n, revenueBase: 0n, revenueTip: 0n }, producer);
}

/** Ends a block: pays the producer, sets the next prices, hashes and signs. */
function seal(
  { id, previousHash, timestamp, market, accounts }: Opening,
  body: readonly PublicTransaction[],
  sum: Omit<FeeSummary, "payout">,
  producer: Producer,
): Omit<Built, "taken"> {
  const closed = closeMarket(market, sum);
  const [, escrow = NATIVE_PROGRAM, inbox = NATIVE_PROGRAM] = FEE_ACCOUNTS;
  accounts.move(inbox, escrow, sum.revenueBase);
  accounts.move(inbox, producer.account, sum.revenueTip);
  accounts.move(escrow, producer.account, closed.payout);
  const transactions = [...body, feeInvocation({ ...sum, payout: closed.payout }, producer.account), clockInvocation(id, timestamp)];
  const content: BlockContent = { id, previousHash, timestamp, producer: producer.publicKey, transactions };
  const hash = blockHash(content);
  // No randomness: the same chain has the same bytes on every machine.
  const signature = signSchnorr(hash, producer.secretKey, new Uint8Array(32));
  return { hash, bytes: encodeBlock(content, signature, "pending"), transactions, market: closed.market };
}

/** `Deposit` of the bridge program, which no user can send: how all money enters. */
function issue({ operation, account, amount }: Deposit, accounts: Accounts): PublicTransaction {
  accounts.move(BRIDGE_ACCOUNT, account, amount);
  const receipt = accountOfProgram(BRIDGE_PROGRAM, sha256(concatBytes([RECEIPT_SEED, operation])));
  return {
    program: BRIDGE_PROGRAM,
    selectors: [
      { account: BRIDGE_ACCOUNT, program: NATIVE_PROGRAM },
      { account, program: NATIVE_PROGRAM },
      { account: receipt, program: BRIDGE_PROGRAM },
    ],
    nonces: [],
    instruction: new ByteWriter().u8(DEPOSIT).bytes(operation).bytes(lezAccountBytes(account)).u64(amount).done(),
    witnesses: [],
  };
}

const RECEIPT_SEED = utf8("/LEZ/v0.3/BridgeDepositReceipt/0");
const DEPOSIT = 0;
