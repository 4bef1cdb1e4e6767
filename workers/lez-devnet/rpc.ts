/** JSON-RPC 2.0 as a LEZ v0.3 sequencer speaks it: single calls and batches, and the methods. Integers are written and read exactly. */

import * as z from "zod/mini";
import type { Digest } from "../../shared/crypto/digest.ts";
import { logEvent } from "../../shared/log.ts";
import { type ExactJson, parseJsonExact, writeJsonExact } from "../../shared/text/json.ts";
import { type LezAccountId, NATIVE_PROGRAM } from "../../shared/zone/account.ts";
import { ByteWriter } from "../../shared/zone/borsh.ts";
import { EXEC_MARKET, MAX_GAS_EXEC, MAX_GAS_STOR, nextBaseFee, STOR_MARKET } from "../../shared/zone/fees.ts";
import type { Admission } from "./admission.ts";
import type { Account, FeeMarket } from "./chain-state.ts";
import type { DevnetConfig } from "./config.ts";
import { MAX_BATCH_CALLS, MAX_LISTED, MAX_RANGE_BLOCKS, MAX_RPC_ANSWER_BYTES, MAX_RPC_BODY_BYTES } from "./limits.ts";
import {
  ANSWER_TOO_BIG,
  BATCH_ANSWER_TOO_BIG,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  invalidRange,
  METHOD_NOT_FOUND,
  PARSE_ERROR,
  type RpcError,
} from "./rpc-error.ts";
import { BadParams, paramsInOrder, readAccount, readByteArray, readBytes, readHash, readList, readMembers, readU64 } from "./rpc-params.ts";

/** What the methods ask of a chain. Blocks and transactions are base64. */
export interface RpcChain {
  readonly head: number;
  readonly market: FeeMarket;
  block(id: number): string | undefined;
  transaction(id: Digest): { block: number; wire: string } | undefined;
  account(id: LezAccountId): Account;
  send(wire: Uint8Array): Admission;
}

type Constants = Pick<DevnetConfig, "channel" | "programIds">;
type Result = { ok: true; result: ExactJson } | { ok: false; error: RpcError };
interface Method {
  /** As upstream's source names them. */
  readonly params: readonly string[];
  answer(chain: RpcChain, constants: Constants, params: readonly unknown[]): Result;
}

/**
 * Answers a body.
 * @param body at most MAX_RPC_BODY_BYTES
 * @returns undefined if it is all notifications
 */
export function answerRpc(body: Uint8Array | string, chain: RpcChain, constants: Constants): string | undefined {
  const parsed = parseJsonExact(body, MAX_RPC_BODY_BYTES, z.unknown());
  if (!parsed.ok) return failed(null, parsed.syntax || parsed.problem === "not UTF-8" ? PARSE_ERROR : INVALID_REQUEST);
  if (!Array.isArray(parsed.value)) return answerCall(parsed.value, chain, constants);
  const calls: unknown[] = parsed.value;
  if (calls.length === 0 || calls.length > MAX_BATCH_CALLS) return failed(null, INVALID_REQUEST);
  const answers: string[] = [];
  let size = 0;
  for (const call of calls) {
    const answer = answerCall(call, chain, constants);
    if (answer === undefined) continue;
    size += answer.length;
    // As jsonrpsee: the calls so far were carried out, and the rest is not.
    if (size > MAX_RPC_ANSWER_BYTES) return failed(null, BATCH_ANSWER_TOO_BIG);
    answers.push(answer);
  }
  return answers.length === 0 ? undefined : `[${answers.join(",")}]`;
}

type Id = string | number | bigint | null;

function answerCall(call: unknown, chain: RpcChain, constants: Constants): string | undefined {
  if (typeof call !== "object" || call === null || Array.isArray(call)) return failed(null, INVALID_REQUEST);
  const { jsonrpc, method, params, id } = call as Record<string, unknown>;
  if (id !== undefined && !isId(id)) return failed(null, INVALID_REQUEST);
  if (jsonrpc !== "2.0" || typeof method !== "string") return failed(id ?? null, INVALID_REQUEST);
  if (params !== undefined && (typeof params !== "object" || params === null)) return failed(id ?? null, INVALID_REQUEST);
  if (id === undefined) return undefined;
  const known = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
  if (!known) return failed(id, METHOD_NOT_FOUND);
  try {
    const answer = known.answer(chain, constants, paramsInOrder(params, known.params));
    return answer.ok ? `{"jsonrpc":"2.0","id":${writeJsonExact(id)},"result":${writeJsonExact(answer.result)}}` : failed(id, answer.error);
  } catch (error) {
    if (error instanceof BadParams) return failed(id, error.error);
    logEvent("devnet.failed", { traceId: "", method, message: String(error) });
    return failed(id, INTERNAL_ERROR);
  }
}

function isId(id: unknown): id is Id {
  return id === null || typeof id === "string" || ((typeof id === "number" || typeof id === "bigint") && id >= 0 && id < 2n ** 64n);
}

function failed(id: Id, { code, message, data }: RpcError): string {
  return writeJsonExact({ jsonrpc: "2.0", id, error: { code, message, ...(data !== undefined && { data }) } });
}

function ok(result: ExactJson): Result {
  return { ok: true, result };
}

const METHODS: Readonly<Record<string, Method>> = {
  sendTransaction: {
    params: ["tx"],
    answer: (chain, _, [tx]) => {
      const admission = chain.send(readBytes(tx));
      return admission.ok ? ok(admission.id) : admission;
    },
  },
  getFeeState: { params: [], answer: ({ market }) => ok(feeStateOf(market)) },
  checkHealth: { params: [], answer: () => ok(null) },
  getBlock: { params: ["block_id"], answer: (chain, _, [id]) => ok(chain.block(readU64(id)) ?? null) },
  getBlockRange: {
    params: ["start_block_id", "end_block_id"],
    answer: (chain, _, [start, end]) => blocksBetween(chain, readU64(start), readU64(end)),
  },
  getLastBlockId: { params: [], answer: ({ head }) => ok(head) },
  getTransaction: {
    params: ["tx_hash"],
    answer: (chain, _, [hash]) => {
      const found = chain.transaction(readHash(hash));
      return ok(found ? [found.wire, found.block] : null);
    },
  },
  getAccount: { params: ["account_id"], answer: (chain, _, [id]) => ok(accountJson(chain.account(readAccount(id)))) },
  getAccountView: {
    params: ["shard_selector"],
    answer: (chain, _, [selector]) => {
      const [account, program] = readMembers(selector, ["account_id", "program_account_id"]).map((id) => readAccount(id));
      const state = chain.account(account ?? NATIVE_PROGRAM);
      return ok(accountJson(program === NATIVE_PROGRAM ? state : { ...state, balance: 0n }));
    },
  },
  getAccountBalance: { params: ["account_id"], answer: (chain, _, [id]) => ok(chain.account(readAccount(id)).balance) },
  getAccountsNonces: {
    params: ["account_ids"],
    answer: (chain, _, [ids]) => ok(readList(ids, MAX_LISTED, readAccount).map((id) => chain.account(id).nonce)),
  },
  getProgramIds: { params: [], answer: (_, { programIds }) => ok(programIds) },
  getChannelId: { params: [], answer: (_, { channel }) => ok(channel) },
  getProofsAndRoot: {
    params: ["commitments"],
    answer: (_, __, [commitments]) => ok([readList(commitments, MAX_LISTED, readByteArray).map(() => null), EMPTY_ROOT]),
  },
};

/** The root of a set with nothing in it but upstream's dummy: SHA-256 of that commitment. */
const EMPTY_ROOT: readonly number[] = [
  107, 9, 131, 34, 17, 0, 16, 21, 11, 42, 160, 50, 189, 133, 209, 183, 60, 242, 84, 238, 254, 37, 123, 26, 90, 172, 192, 13, 95, 233, 84,
  41,
];

function blocksBetween(chain: RpcChain, start: number, end: number): Result {
  if (end < start) return { ok: false, error: invalidRange("the end is before the start") };
  if (end - start >= MAX_RANGE_BLOCKS) return { ok: false, error: invalidRange(`more than ${MAX_RANGE_BLOCKS} blocks`) };
  const blocks: string[] = [];
  let size = 0;
  for (let id = start; id <= end; id++) {
    const block = chain.block(id);
    if (block === undefined) break;
    size += block.length;
    if (size > MAX_RPC_ANSWER_BYTES) return { ok: false, error: ANSWER_TOO_BIG };
    blocks.push(block);
  }
  return ok(blocks);
}

/** A balance of zero has no shard. */
function accountJson({ nonce, balance }: Account): ExactJson {
  const shard = [...new ByteWriter().u128(balance).done()];
  return { nonce, data: { shards: balance === 0n ? {} : { [NATIVE_PROGRAM]: shard } } };
}

function feeStateOf({ base, height }: FeeMarket): ExactJson {
  return {
    height,
    base_fee_exec: base.exec,
    base_fee_stor: base.stor,
    next_base_fee_exec_floor: nextBaseFee(base.exec, 0n, EXEC_MARKET),
    next_base_fee_exec_ceiling: nextBaseFee(base.exec, MAX_GAS_EXEC, EXEC_MARKET),
    next_base_fee_stor_floor: nextBaseFee(base.stor, 0n, STOR_MARKET),
    next_base_fee_stor_ceiling: nextBaseFee(base.stor, MAX_GAS_STOR, STOR_MARKET),
    max_gas_exec: MAX_GAS_EXEC,
    max_gas_stor: MAX_GAS_STOR,
  };
}
