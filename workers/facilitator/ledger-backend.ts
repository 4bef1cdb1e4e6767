/** The Durable Object ledger as a PaymentBackend. It routes each call to its shard and repeats it where the platform allows; every call is safe to repeat. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { LATE, withDeadline } from "../../shared/deadline.ts";
import type { SignedCheckpoint } from "../../shared/ledger/checkpoint.ts";
import { auditShards, type LedgerAudit } from "../../shared/ledger/consolidate.ts";
import type { ExportCommand, ExportPage } from "../../shared/ledger/export.ts";
import type { Issue } from "../../shared/ledger/issue.ts";
import type { JournalEntry, JournalPage } from "../../shared/ledger/journal.ts";
import type { RestoreCommand, Restored } from "../../shared/ledger/restoration.ts";
import type { RetireCommand } from "../../shared/ledger/retirement.ts";
import type { Retired } from "../../shared/ledger/rules.ts";
import type { SetClock, ShardClock } from "../../shared/ledger/set-clock.ts";
import { parseShards, shardName, shardOf } from "../../shared/ledger/shards.ts";
import type { ShardWatch } from "../../shared/ledger/watch.ts";
import { LEDGER_ATTEMPTS, LEDGER_RETRY_MILLIS, LEDGER_TIMEOUT_SECONDS } from "../../shared/limits.ts";
import { measure } from "../../shared/metrics.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { type PaymentRefusal, type Refusal, refusal } from "../../shared/protocol/refusal.ts";
import type { Remote } from "../../shared/rpc.ts";
import type { FundResult, PaymentBackend } from "../../shared/settlement/backend.ts";
import { BackendUnavailable } from "../../shared/settlement/facilitator.ts";
import { unixNow } from "../../shared/time.ts";
import type { Ledger } from "../ledger-do/ledger.ts";
import type { LedgerBinding } from "./env.ts";
import { ledgerOfEitherVersion } from "./rpc-0-1.ts";

/** The name of shard 0, unless LEDGER_NAME is another; the others add their number. */
const LEDGER_NAME = "ledger";

/** Everything of the ledger that can be read beyond payments. */
export interface LedgerReader {
  /** A page of an account's chain, oldest first. @param credits lists who made the payments of a batch */
  journal(account: AccountId, afterSeq: number, credits?: boolean): Promise<JournalPage>;
  /** The debit of one payment. @param from unix seconds before which it was not made */
  debit(account: AccountId, transaction: Digest, from: number): Promise<JournalEntry | undefined>;
  /** Voids the accesses to the account's books that were issued up to that second. Returns the second that counts now. */
  voidAccesses(account: AccountId, through: number): Promise<{ ok: true; through: number } | Refusal>;
  /** Unix seconds. */
  accessesVoidThrough(account: AccountId): Promise<number>;
  /** Records that the operator has exported the account's chain up to this entry. Returns the ledger's signature under it, if it has a key. */
  checkpoint(account: AccountId, seq: number, head: Digest): Promise<SignedCheckpoint | Refusal>;
  /** The ledger's signature under an entry of the account's chain, or under its last one. Open to everyone. */
  attest(account: AccountId, seq: number | undefined): Promise<SignedCheckpoint | Refusal>;
  /** The key that signs checkpoints; undefined without one. */
  checkpointKey(): Promise<string | undefined>;
  /** Recomputes every shard. */
  audit(): Promise<LedgerAudit>;
  /** What there is to watch of each of the SHARDS, and the seconds that it took to ask. Undefined for a shard that does not answer. */
  watch(): Promise<{ shard: number; seconds: number; watched: ShardWatch | undefined }[]>;
  /** The time of every shard. */
  clocks(): Promise<ShardClock[]>;
  /** Sets the time of every shard. The shards check the key, and refuse one by one. */
  setClocks(to: SetClock): Promise<(ShardClock | Refusal)[]>;
  /** Pays money of the treasury out. The shard checks the key. */
  issue(grant: Issue): Promise<FundResult>;
  /** Retires every shard, for ever. Like all calls from here on, the shards check the key. */
  retire(command: RetireCommand): Promise<Retired[]>;
  /** A page of what a retired shard has. */
  exportPage(shard: number, command: ExportCommand): Promise<ExportPage | PaymentRefusal>;
  /** Stores a page of another ledger's export on one shard. */
  restore(shard: number, command: RestoreCommand): Promise<Restored>;
  /** Opens every shard of a restored ledger. The caller has audited it. */
  finishRestoration(command: Omit<RestoreCommand, "page">): Promise<Restored[]>;
}

/** @param timeoutSeconds of one call; Infinity if the caller has its own deadline */
export function ledgerBackend(
  env: LedgerBinding,
  traceId: string,
  timeoutSeconds: number = LEDGER_TIMEOUT_SECONDS,
): Required<PaymentBackend> & LedgerReader {
  const shards = parseShards(env.SHARDS);
  const at = async <T>(shard: number, operation: (ledger: Remote<Ledger>) => Promise<T>) =>
    whileRunning(await withRetries(env, shard, timeoutSeconds, operation));
  const of = <T>(account: AccountId, operation: (ledger: Remote<Ledger>) => Promise<T>) => {
    const start = Date.now();
    return at(shardOf(account, shards), operation).finally(() => measure("ledger.call", { millis: Date.now() - start }));
  };

  const account = async (account: AccountId) => accepted(await of(account, (ledger) => ledger.account({ account }, traceId)));
  const info = async () => {
    const info = await at(0, (ledger) => ledger.info());
    if (info.shards === shards) return info;
    // Every account would be looked up on the wrong shard.
    throw new BackendUnavailable(`the ledger has ${info.shards} shards, SHARDS says ${shards}`, { overloaded: false });
  };
  /** The treasury lives on shard 0; the account's own shard says its balance. If that shard is out of reach the grant stands. */
  const grant = async (to: AccountId, operation: (ledger: Remote<Ledger>) => Promise<FundResult>) => {
    await info();
    const granted = await at(0, operation);
    if (!granted.ok || shardOf(to, shards) === 0) return granted;
    const { balance } = await account(to).catch(orElse(granted));
    return { ...granted, balance };
  };
  /** By the ledger's own number, not SHARDS: an audit of some shards would prove nothing. */
  const everyShard = async () => Array.from({ length: (await at(0, (ledger) => ledger.info())).shards }, (_, shard) => shard);
  const all = async <T>(operation: (ledger: Remote<Ledger>) => Promise<T>) =>
    Promise.all((await everyShard()).map((shard) => at(shard, operation)));
  /** A caller names the shard. Asking for one that does not exist would make its object. */
  const existing = async <T>(shard: number, operation: (ledger: Remote<Ledger>) => Promise<T>): Promise<T | PaymentRefusal> =>
    (await everyShard()).includes(shard) ? at(shard, operation) : { ...refusal("invalid_payload"), detail: `there is no shard ${shard}` };
  return {
    upto: true,
    mandates: {
      revoke: (command) => of(command.payer, (ledger) => ledger.revoke(command, traceId, unixNow())),
      status: (payer, digest) => of(payer, (ledger) => ledger.mandate({ payer, digest }, traceId, unixNow())),
    },
    refunds: {
      refund: (command) => of(command.payee, (ledger) => ledger.refund(command, traceId, unixNow())),
      of: async (payee, transaction, withOrders = false) =>
        accepted(await of(payee, (ledger) => ledger.refundsOf({ payee, transaction, ...(withOrders && { withOrders }) }, traceId))),
      creditOf: async (payee, transaction, from) =>
        accepted(await of(payee, (ledger) => ledger.creditOf({ payee, transaction, from }, traceId))).credit,
    },
    sessions: {
      open: (session) => of(session.payer, (ledger) => ledger.openSession(session, traceId, unixNow())),
      check: (session) => of(session.payer, (ledger) => ledger.checkSession(session, traceId, unixNow())),
      claim: (command) => of(command.payer, (ledger) => ledger.claimSession(command, traceId, unixNow())),
      withdraw: (session) => of(session.payer, (ledger) => ledger.withdrawSession(session, traceId, unixNow())),
      status: (session) => of(session.payer, (ledger) => ledger.sessionOf(session, traceId, unixNow())),
      paymentOf: (call) => of(call.payer, (ledger) => ledger.callPayment(call, traceId)),
    },
    info,
    check: (payment) => of(payment.payer, (ledger) => ledger.check({ payment }, traceId, unixNow())),
    reserve: (command) => of(command.payment.payer, (ledger) => ledger.reserve(command, traceId, unixNow())),
    capture: (command) => of(command.payer, (ledger) => ledger.capture(command, traceId, unixNow())),
    release: (command) => of(command.payer, (ledger) => ledger.release(command, traceId, unixNow())),
    settle: (command) => of(command.payment.payer, (ledger) => ledger.settle(command, traceId, unixNow())),
    cancel: (payer, nonce) => of(payer, (ledger) => ledger.cancel({ payer, nonce }, traceId, unixNow())),
    status: async (payer, nonce, validBefore) =>
      accepted(await of(payer, (ledger) => ledger.status({ payer, nonce, validBefore }, traceId, unixNow()))),
    account,
    fund: (to, value, grantId) => grant(to, (ledger) => ledger.fund({ account: to, value, grantId }, traceId, unixNow())),
    issue: (args) => grant(args.account, (ledger) => ledger.issue(args, traceId, unixNow())),
    // An older shard knows nothing of credits, and refuses a call that asks for them.
    journal: async (account, afterSeq, credits = false) =>
      accepted(await of(account, (ledger) => ledger.journal({ account, afterSeq, ...(credits && { credits }) }, traceId))),
    debit: async (account, transaction, from) =>
      accepted(await of(account, (ledger) => ledger.debit({ account, transaction, from }, traceId))).entry,
    voidAccesses: (account, through) => of(account, (ledger) => ledger.voidAccesses({ account, through }, traceId, unixNow())),
    accessesVoidThrough: async (account) =>
      accepted(await of(account, (ledger) => ledger.accessesVoidThrough({ account }, traceId))).through,
    checkpoint: (account, seq, head) => of(account, (ledger) => ledger.checkpoint({ account, seq, head }, traceId, unixNow())),
    attest: (account, seq) => of(account, (ledger) => ledger.attest({ account, seq }, traceId, unixNow())),
    checkpointKey: () => at(0, (ledger) => ledger.checkpointKey()),
    async audit() {
      return auditShards(
        (await everyShard()).map((shard) => ({
          marks: () => at(shard, (ledger) => ledger.marks()),
          audit: async (marks) => accepted(await at(shard, (ledger) => ledger.auditShard([...marks]))),
        })),
      );
    },
    watch: () =>
      Promise.all(
        Array.from({ length: shards }, async (_, shard) => {
          const start = Date.now();
          const watched = await at(shard, (ledger) => ledger.watch()).catch(orElse(undefined));
          return { shard, seconds: (Date.now() - start) / 1000, watched };
        }),
      ),
    clocks: () => all((ledger) => ledger.clock()),
    setClocks: (to) => all((ledger) => ledger.setClock(to, traceId)),
    retire: (command) => all((ledger) => ledger.retire(command, traceId)),
    exportPage: (shard, command) => existing(shard, (ledger) => ledger.exportPage(command, traceId)),
    restore: (shard, command) => existing(shard, (ledger) => ledger.restore(command, traceId)),
    finishRestoration: (command) => all((ledger) => ledger.restore(command, traceId)),
  };
}

/** Repeats a call if the platform says that it may be repeated. Each try takes a fresh stub: a broken one stays broken. */
async function withRetries<T>(
  env: LedgerBinding,
  shard: number,
  timeoutSeconds: number,
  operation: (ledger: Remote<Ledger>) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const stub = env.LEDGER.getByName(shardName(env.LEDGER_NAME ?? LEDGER_NAME, shard)) as unknown as Remote<Ledger>;
      const answer = await withDeadline(operation(ledgerOfEitherVersion(stub)), timeoutSeconds);
      // Not retried: the caller has waited long enough, and the answer may still be on its way.
      if (answer === LATE) throw new Error(`no answer in ${timeoutSeconds} seconds`);
      return copyOf(answer);
    } catch (error) {
      const { retryable = false, overloaded = false } = error as { retryable?: boolean; overloaded?: boolean };
      if (!retryable || overloaded || attempt === LEDGER_ATTEMPTS) {
        throw new BackendUnavailable("the ledger did not answer", { overloaded, cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, LEDGER_RETRY_MILLIS * 2 ** (attempt - 1)));
    }
  }
}

/** Treats a halted shard like one that does not answer: what it refuses now it may have done before. */
function whileRunning<T>(answer: T): T {
  if ((answer as Partial<Refusal> | undefined)?.code !== "facilitator_unavailable") return answer;
  throw new BackendUnavailable("the shard has stopped", { overloaded: false });
}

/** For `catch`: returns the value if the ledger did not answer, and rethrows every other error. */
function orElse<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof BackendUnavailable) return value;
    throw error;
  };
}

/** Copies the fields: an RPC result holds the call open until disposed. */
function copyOf<T>(answer: T): T {
  return typeof answer === "object" && answer !== null ? { ...answer } : answer;
}

/** Shards refuse a read for its shape only, and this side has checked the shape. */
function accepted<T extends object>(answer: T | Refusal): T {
  if ("code" in answer) throw new Error(`the ledger refused a read: ${answer.code}`);
  return answer;
}
