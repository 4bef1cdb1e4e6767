/**
 * The JSON-RPC client of a LEZ v0.3 sequencer: one method per call, a schema per answer. It fails closed: what is no answer of v0.3 throws
 * `SequencerFault`, and no number is rounded. It retries nothing: a transaction whose answer was lost may have been queued.
 */

import * as z from "zod/mini";
import { toBase64 } from "../crypto/bytes.ts";
import { bodyDigest, type Digest } from "../crypto/digest.ts";
import { LATE, withDeadline } from "../deadline.ts";
import { MAX_LOGGED_CAUSE_LENGTH, MAX_SEQUENCER_ANSWER_BYTES, SEQUENCER_TIMEOUT_SECONDS } from "../limits.ts";
import { BackendUnavailable } from "../settlement/outcomes.ts";
import { type ExactJson, parseJsonExact, writeJsonExact } from "../text/json.ts";
import { readLimited } from "../x402/body.ts";
import type { LezAccountId } from "../zone/account.ts";
import type { Dialect, FeeQuote, RpcCall, RpcError, RpcRefusal } from "../zone/dialect.ts";

/** A refusal says that this copy was not queued. It says nothing of copies that were sent before. */
export type Sent = { ok: true; id: Digest } | { ok: false; reason: RpcRefusal; error: RpcError };

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
  feeState(): Promise<FeeQuote>;
  /** @returns the bytes of a block; undefined if there is none yet */
  block(id: bigint): Promise<Uint8Array | undefined>;
  lastBlockId(): Promise<bigint>;
  /** @returns an included transaction's bytes and its block; undefined for one that is queued, dropped or unknown */
  transaction(id: Digest): Promise<{ wire: Uint8Array; block: bigint } | undefined>;
  /** Both from one head. An account that was never used has neither. */
  balanceAndNonce(account: LezAccountId): Promise<{ balance: bigint; nonce: bigint }>;
  channelId(): Promise<Digest>;
}

const errorSchema = z.looseObject({ code: z.int(), message: z.string() });
const answerSchema = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.literal(1),
  result: z.optional(z.unknown()),
  error: z.optional(errorSchema),
});

/**
 * @param url the sequencer's address, from the configuration
 * @param dialect how its release writes calls, and which answers it gives
 */
export function sequencerAt(
  url: string,
  dialect: Dialect,
  send: typeof fetch = fetch,
  seconds: number = SEQUENCER_TIMEOUT_SECONDS,
): Sequencer {
  const ask = <Result>(call: RpcCall<Result>) => callRpc(send, url, seconds, call);
  const read = async <Result>(call: RpcCall<Result>): Promise<Result> => {
    const answer = await ask(call);
    if (answer.ok) return answer.result;
    throw new SequencerFault("unreadable", `${call.method} was refused with ${answer.error.code}: ${answer.error.message}`);
  };
  return {
    sendTransaction: async (wire) => {
      const answer = await ask(dialect.rpc.send(toBase64(wire)));
      if (answer.ok) return { ok: true, id: answer.result };
      return { ok: false, reason: isPlain(answer.error) ? dialect.classify(answer.error) : "unknown", error: answer.error };
    },
    feeState: () => read(dialect.rpc.feeState()),
    block: async (id) => (await read(dialect.rpc.block(id))) ?? undefined,
    lastBlockId: () => read(dialect.rpc.lastBlockId()),
    transaction: async (id) => {
      const found = (await read(dialect.rpc.transaction(id))) ?? undefined;
      // The id is the hash of what follows the kind.
      if (found && bodyDigest(found.wire.subarray(1)) !== id)
        throw new SequencerFault("unreadable", "getTransaction: another transaction than asked for");
      return found;
    },
    balanceAndNonce: (account) => read(dialect.rpc.balanceAndNonce(account)),
    channelId: () => read(dialect.rpc.channelId()),
  };
}

/** An error with other members than JSON-RPC's is none that a known release gives. */
function isPlain(error: RpcError): boolean {
  return Object.keys(error).every((member) => ["code", "message", "data"].includes(member));
}

type Answer<Result> = { ok: true; result: Result } | { ok: false; error: RpcError };

async function callRpc<Result>(send: typeof fetch, url: string, seconds: number, call: RpcCall<Result>): Promise<Answer<Result>> {
  const { method } = call;
  const abort = new AbortController();
  const body = writeJsonExact({ jsonrpc: "2.0", id: 1, method, params: call.params as ExactJson[] });
  const bytes = await withDeadline(exchange(send, url, body, abort.signal), seconds).catch((error: unknown) => {
    throw error instanceof SequencerFault ? error : new SequencerFault("unreachable", `${method}: ${String(error)}`, error);
  });
  if (bytes === LATE) {
    abort.abort();
    throw new SequencerFault("unreachable", `${method}: no answer in ${seconds} s`);
  }
  const parsed = parseJsonExact(bytes, MAX_SEQUENCER_ANSWER_BYTES, answerSchema);
  if (!parsed.ok) throw new SequencerFault("unreadable", `${method}: ${parsed.problem}`);
  const { result: said, error } = parsed.value;
  if ((said === undefined) === (error === undefined)) throw new SequencerFault("unreadable", `${method}: neither a result nor an error`);
  if (error) return { ok: false, error };
  const result = call.read(said);
  if (result === undefined) throw new SequencerFault("unreadable", `${method}: a result that this release does not give`);
  return { ok: true, result };
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
