/**
 * The JSON-RPC client of a LEZ v0.3 sequencer: one method per call, a schema per answer. It fails closed: what is no answer of v0.3 throws
 * `SequencerFault`, and no number is rounded. It retries nothing: a transaction whose answer was lost may have been queued.
 */

import * as z from "zod/mini";
import { fromBase64, hexSchema, toBase64 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { withDeadline, LATE } from "../../shared/deadline.ts";
import { MAX_AMOUNT, MAX_LOGGED_CAUSE_LENGTH, MAX_SEQUENCER_ANSWER_BYTES, SEQUENCER_TIMEOUT_SECONDS } from "../../shared/limits.ts";
import { BackendUnavailable } from "../../shared/settlement/outcomes.ts";
import { checkShape, parseJsonExact } from "../../shared/text/json.ts";
import { readLimited } from "../../shared/x402/body.ts";

/** Why a sequencer refused a transaction. `shape`: it cannot be decoded, or no user may send it. */
export type SendRefusal = "fee" | "signature" | "shape" | "too_large" | "full" | "unknown";

/** A refusal says that this copy was not queued. It says nothing of copies that were sent before. */
export type Sent = { ok: true; id: Digest } | { ok: false; reason: SendRefusal; error: RpcError };

export type RpcError = z.output<typeof rpcErrorSchema>;
export type FeeState = z.output<typeof feeStateSchema>;

/**
 * `unreachable`: no answer, or none in time. `unreadable`: an answer that v0.3 does not give, or an error to a read. After the second kind
 * the network's fingerprint is out of date.
 */
export class SequencerFault extends BackendUnavailable {
  override name = "SequencerFault";
  readonly kind: "unreachable" | "unreadable";

  constructor(kind: "unreachable" | "unreadable", problem: string, cause?: unknown) {
    super(`sequencer ${kind}: ${problem}`.slice(0, MAX_LOGGED_CAUSE_LENGTH), { overloaded: false, cause });
    this.kind = kind;
  }
}

/** One sequencer. Balances and fees are atomic units, heights are block ids, the first block is 1. */
export interface Sequencer {
  /** @param wire a transaction as it is sent. Its outcome is unknown if this rejects */
  sendTransaction(wire: Uint8Array): Promise<Sent>;
  feeState(): Promise<FeeState>;
  /** @returns the bytes of a block; undefined if there is none yet */
  block(id: bigint): Promise<Uint8Array | undefined>;
  lastBlockId(): Promise<bigint>;
  /** @returns an included transaction's bytes and its block; undefined for one that is queued, dropped or unknown */
  transaction(id: Digest): Promise<{ wire: Uint8Array; block: bigint } | undefined>;
  /** Both from one head. An account that was never used has neither. @param account base58 */
  balanceAndNonce(account: string): Promise<{ balance: bigint; nonce: bigint }>;
  channelId(): Promise<Digest>;
}

/** The native token program, whose shard of an account is the balance: 32 zeros in base58. */
const NATIVE_PROGRAM = "11111111111111111111111111111111";
const MAX_U64 = 2n ** 64n - 1n;
const u64 = wholeNumber(MAX_U64);
const u128 = wholeNumber(MAX_AMOUNT);
const digestSchema = hexSchema<Digest>(32);
const bytesSchema = z.pipe(
  z.pipe(
    z.custom<string>((text) => typeof text === "string" && text.length % 4 === 0 && !/[-_]/.test(text), "must be padded base64"),
    z.transform((text) => fromBase64(text)),
  ),
  z.custom<Uint8Array>((bytes) => bytes !== undefined, "must be base64"),
);
const byteSchema = z.int().check(z.minimum(0), z.maximum(255));

const rpcErrorSchema = z.looseObject({ code: z.int(), message: z.string() });
const answerSchema = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.literal(1),
  result: z.optional(z.unknown()),
  error: z.optional(rpcErrorSchema),
});

const feeStateSchema = z.object({
  height: u64,
  base_fee_exec: u64,
  base_fee_stor: u64,
  next_base_fee_exec_floor: u64,
  next_base_fee_exec_ceiling: u64,
  next_base_fee_stor_floor: u64,
  next_base_fee_stor_ceiling: u64,
  max_gas_exec: u64,
  max_gas_stor: u64,
});

/** A balance of zero has no shard. */
const accountSchema = z.object({
  nonce: u128,
  data: z.object({ shards: z.object({ [NATIVE_PROGRAM]: z.optional(z.array(byteSchema).check(z.length(16))) }) }),
});

/** @param url the sequencer's address, from the configuration */
export function sequencerAt(url: string, send: typeof fetch = fetch, seconds: number = SEQUENCER_TIMEOUT_SECONDS): Sequencer {
  const call = (method: string, params: readonly unknown[]) => callRpc(send, url, seconds, method, params);
  const read = async <Schema extends z.core.$ZodType>(method: string, params: readonly unknown[], schema: Schema) => {
    const answer = await call(method, params);
    if (!answer.ok) throw new SequencerFault("unreadable", `${method} was refused with ${answer.error.code}: ${answer.error.message}`);
    return shaped(method, answer.result, schema);
  };
  return {
    sendTransaction: async (wire) => {
      const answer = await call("sendTransaction", [toBase64(wire)]);
      if (!answer.ok) return { ok: false, reason: classify(answer.error), error: answer.error };
      return { ok: true, id: shaped("sendTransaction", answer.result, digestSchema) };
    },
    feeState: () => read("getFeeState", [], feeStateSchema),
    block: async (id) => (await read("getBlock", [Number(id)], z.nullable(bytesSchema))) ?? undefined,
    lastBlockId: () => read("getLastBlockId", [], u64),
    transaction: async (id) => {
      const found = await read("getTransaction", [id], z.nullable(z.tuple([bytesSchema, u64])));
      return found ? { wire: found[0], block: found[1] } : undefined;
    },
    balanceAndNonce: async (account) => {
      const params = [{ account_id: account, program_account_id: NATIVE_PROGRAM }];
      const { nonce, data } = await read("getAccountView", params, accountSchema);
      const shard = data.shards[NATIVE_PROGRAM] ?? [];
      return { nonce, balance: shard.reduceRight((balance, byte) => balance * 256n + BigInt(byte), 0n) };
    },
    channelId: () => read("getChannelId", [], digestSchema),
  };
}

/**
 * What a refusal of `sendTransaction` means. Upstream has one code for most of them and says the reason in words, so this is the one
 * decision that reads a message. An error with other members than JSON-RPC's is none that v0.3 gives.
 */
export function classify(error: RpcError): SendRefusal {
  const { code, message, ...rest } = error;
  if (Object.keys(rest).some((member) => member !== "data")) return "unknown";
  if (code === MEMPOOL_IS_FULL) return "full";
  if (code !== INVALID_PARAMS) return "unknown";
  if (message === "Incorrect fee") return "fee";
  if (message === "Invalid signature(-s)") return "signature";
  if (message.startsWith("Transaction too large")) return "too_large";
  return message === "Invalid params" || message.startsWith("Program is sequencer-only") ? "shape" : "unknown";
}

const INVALID_PARAMS = -32_602;
const MEMPOOL_IS_FULL = -31_900;

type Answer = { ok: true; result: unknown } | { ok: false; error: RpcError };

async function callRpc(send: typeof fetch, url: string, seconds: number, method: string, params: readonly unknown[]): Promise<Answer> {
  const abort = new AbortController();
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const bytes = await withDeadline(exchange(send, url, body, abort.signal), seconds).catch((error: unknown) => {
    throw error instanceof SequencerFault ? error : new SequencerFault("unreachable", `${method}: ${String(error)}`, error);
  });
  if (bytes === LATE) {
    abort.abort();
    throw new SequencerFault("unreachable", `${method}: no answer in ${seconds} s`);
  }
  const parsed = parseJsonExact(bytes, MAX_SEQUENCER_ANSWER_BYTES, answerSchema);
  if (!parsed.ok) throw new SequencerFault("unreadable", `${method}: ${parsed.problem}`);
  const { result, error } = parsed.value;
  if ((result === undefined) === (error === undefined)) throw new SequencerFault("unreadable", `${method}: neither a result nor an error`);
  return error ? { ok: false, error } : { ok: true, result };
}

async function exchange(send: typeof fetch, url: string, body: string, signal: AbortSignal): Promise<Uint8Array> {
  const headers = { "Content-Type": "application/json" };
  const response = await send(url, { method: "POST", headers, body, signal, redirect: "manual" });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new SequencerFault("unreachable", `it answered ${response.status}`);
  }
  const bytes = await readLimited(response, MAX_SEQUENCER_ANSWER_BYTES);
  if (!bytes) throw new SequencerFault("unreadable", `an answer larger than ${MAX_SEQUENCER_ANSWER_BYTES} bytes`);
  return bytes;
}

function shaped<Schema extends z.core.$ZodType>(method: string, value: unknown, schema: Schema): z.output<Schema> {
  const checked = checkShape(value, schema);
  if (!checked.ok) throw new SequencerFault("unreadable", `${method}: ${checked.problem}`);
  return checked.value;
}

/** An integer of JSON, short or long, as a bigint. */
function wholeNumber(max: bigint) {
  const isWhole = (value: unknown): value is number | bigint =>
    (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) && value >= 0 && value <= max;
  return z.pipe(
    z.custom<number | bigint>(isWhole, `must be an integer from 0 to ${max}`),
    z.transform((value) => BigInt(value)),
  );
}
