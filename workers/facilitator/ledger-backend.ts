/** The Durable Object ledger as a PaymentBackend: routed to the right shard, and repeated where it may be. Every call is safe to repeat. */
import type { AccountId } from "../../shared/protocol/account.ts";
import { LATE, withDeadline } from "../../shared/deadline.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { Refusal } from "../../shared/protocol/refusal.ts";
import type { PaymentBackend } from "../../shared/settlement/backend.ts";
import { BackendUnavailable } from "../../shared/settlement/facilitator.ts";
import { auditShards, type LedgerAudit } from "../../shared/ledger/consolidate.ts";
import type { SignedCheckpoint } from "../../shared/ledger/checkpoint.ts";
import type { JournalPage } from "../../shared/ledger/journal.ts";
import { parseShards, shardName, shardOf } from "../../shared/ledger/shards.ts";
import type { Remote } from "../../shared/rpc.ts";
import { LEDGER_ATTEMPTS, LEDGER_RETRY_MILLIS, LEDGER_TIMEOUT_SECONDS } from "../../shared/limits.ts";
import type { Ledger } from "../ledger-do/ledger.ts";

/** What the ledger's objects are called after. */
const LEDGER_NAME = "ledger";

export interface LedgerBinding {
  LEDGER: DurableObjectNamespace<Ledger>;
  /** Over how many objects the ledger is spread; 1 when absent. */
  SHARDS?: string;
}

/** What can be read of the ledger beyond payments. */
export interface Books {
  /** A page of an account's chain, oldest first. */
  journal(account: AccountId, afterSeq: number): Promise<JournalPage>;
  /** The operator has exported the account's chain up to this entry: the ledger's signature under it, if it has a key. */
  checkpoint(account: AccountId, seq: number, head: Digest): Promise<SignedCheckpoint | Refusal>;
  /** The ledger's signature under an entry of the account's chain, or under its last one, for whoever asks. */
  attest(account: AccountId, seq: number | undefined): Promise<SignedCheckpoint | Refusal>;
  /** The key that signs checkpoints; undefined where there is none. */
  checkpointKey(): Promise<string | undefined>;
  /** Recomputes the whole book. */
  audit(): Promise<LedgerAudit>;
}

/** @param patience seconds that one call may take; Infinity for whoever is waited for no longer than that anyway */
export function ledgerBackend(env: LedgerBinding, traceId: string, patience: number = LEDGER_TIMEOUT_SECONDS): PaymentBackend & Books {
  const shards = parseShards(env.SHARDS);
  const at = async <T>(shard: number, operation: (ledger: Remote<Ledger>) => Promise<T>) =>
    unstopped(await persistently(env.LEDGER, shard, patience, operation));
  const of = <T>(account: AccountId, operation: (ledger: Remote<Ledger>) => Promise<T>) => at(shardOf(account, shards), operation);

  const account = async (account: AccountId) => accepted(await of(account, (ledger) => ledger.account({ account }, traceId)));
  const info = async () => {
    const info = await at(0, (ledger) => ledger.info());
    if (info.shards === shards) return info;
    // Every account would be looked for where it is not.
    throw new BackendUnavailable(`the ledger has ${info.shards} shards, SHARDS says ${shards}`, { overloaded: false });
  };
  return {
    info,
    check: (payment) => of(payment.payer, (ledger) => ledger.check({ payment }, traceId)),
    reserve: (command) => of(command.payment.payer, (ledger) => ledger.reserve(command, traceId)),
    capture: (command) => of(command.payer, (ledger) => ledger.capture(command, traceId)),
    release: (command) => of(command.payer, (ledger) => ledger.release(command, traceId)),
    settle: (command) => of(command.payment.payer, (ledger) => ledger.settle(command, traceId)),
    cancel: (payer, nonce) => of(payer, (ledger) => ledger.cancel({ payer, nonce }, traceId)),
    status: async (payer, nonce, validBefore) =>
      accepted(await of(payer, (ledger) => ledger.status({ payer, nonce, validBefore }, traceId))),
    account,
    /** The treasury lives on shard 0; what the account has by now, its own shard knows. One that is out of reach undoes no grant. */
    async fund(to, value, grantId) {
      await info();
      const granted = await at(0, (ledger) => ledger.fund({ account: to, value, grantId }, traceId));
      if (!granted.ok || shardOf(to, shards) === 0) return granted;
      const { balance } = await account(to).catch(orElse(granted));
      return { ...granted, balance };
    },
    journal: async (account, afterSeq) => accepted(await of(account, (ledger) => ledger.journal({ account, afterSeq }, traceId))),
    checkpoint: (account, seq, head) => of(account, (ledger) => ledger.checkpoint({ account, seq, head }, traceId)),
    attest: (account, seq) => of(account, (ledger) => ledger.attest({ account, seq }, traceId)),
    checkpointKey: () => at(0, (ledger) => ledger.checkpointKey()),
    async audit() {
      // As many as the ledger has, whatever SHARDS says: an audit of some of them would prove nothing.
      const { shards } = await at(0, (ledger) => ledger.info());
      return auditShards(
        Array.from({ length: shards }, (_, shard) => ({
          marks: () => at(shard, (ledger) => ledger.marks()),
          audit: async (marks) => accepted(await at(shard, (ledger) => ledger.auditShard([...marks]))),
        })),
      );
    },
  };
}

/** Repeats a call that the platform says may be repeated, each time with a fresh stub: a broken one stays broken. */
async function persistently<T>(
  namespace: DurableObjectNamespace<Ledger>,
  shard: number,
  patience: number,
  operation: (ledger: Remote<Ledger>) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const ledger = namespace.getByName(shardName(LEDGER_NAME, shard)) as unknown as Remote<Ledger>;
      const answer = await withDeadline(operation(ledger), patience);
      // Not asked again: whoever waits has waited long enough, and the answer may still be on its way.
      if (answer === LATE) throw new Error(`no answer in ${patience} seconds`);
      return detached(answer);
    } catch (error) {
      const { retryable = false, overloaded = false } = error as { retryable?: boolean; overloaded?: boolean };
      if (!retryable || overloaded || attempt === LEDGER_ATTEMPTS) {
        throw new BackendUnavailable("the ledger did not answer", { overloaded, cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, LEDGER_RETRY_MILLIS * 2 ** (attempt - 1)));
    }
  }
}

/** A shard that has stopped knows of nothing for certain: what it will not do now may have been done before. So it counts as one that cannot be asked. */
function unstopped<T>(answer: T): T {
  if ((answer as Partial<Refusal> | undefined)?.code !== "facilitator_unavailable") return answer;
  throw new BackendUnavailable("the shard has stopped", { overloaded: false });
}

/** For `catch`: this value where the ledger did not answer. Whatever else went wrong stays wrong. */
function orElse<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof BackendUnavailable) return value;
    throw error;
  };
}

/** The facts of an answer. The answer itself has a disposer: whoever it was passed on to would keep this call open until he called it. */
function detached<T>(answer: T): T {
  return typeof answer === "object" && answer !== null ? { ...answer } : answer;
}

/** Reads are refused for their shape only, and this side has checked the shape. */
function accepted<T extends object>(answer: T | Refusal): T {
  if ("code" in answer) throw new Error(`the ledger refused a read: ${answer.code}`);
  return answer;
}
