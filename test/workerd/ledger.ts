/** The ledger object as the tests in this folder reach it: over RPC, and from within. */

import { runInDurableObject } from "cloudflare:test";
import { env as bindings, exports } from "cloudflare:workers";
import { vi } from "vitest";
import { parseShards, shardOf } from "../../shared/ledger/shards.ts";
import type { Row } from "../../shared/ledger/store.ts";
import { dump } from "../../shared/ledger/testing/ledger.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import type { Remote } from "../../shared/rpc.ts";
import { unixNow } from "../../shared/time.ts";
import type { FacilitatorEnv } from "../../workers/facilitator/env.ts";
import type FacilitatorWorker from "../../workers/facilitator/index.ts";
import type { Ledger } from "../../workers/ledger-do/ledger.ts";
import { durableStore } from "../../workers/ledger-do/storage.ts";
import { newPayer, randomId } from "../signed.ts";

/**
 * 2033-05-18T03:33:20Z. The Worker shares this isolate and its Date, the platform's alarms do not: in a future that
 * never comes, alarms ring only when a test rings them.
 */
export const NOW = 2_000_000_000;

export function setTime(unixSeconds: number): void {
  vi.setSystemTime(unixSeconds * 1000);
}

export const env = bindings as unknown as FacilitatorEnv;

/** The facilitator Worker, over RPC and by fetch. */
export const facilitator: Pick<Remote<FacilitatorWorker>, "fetch" | "reserve" | "capture" | "settle"> = exports.default;

export type Stub = DurableObjectStub<Ledger>;

/** The ledger that the facilitator uses. */
export function facilitatorsLedger(): Stub {
  return env.LEDGER.getByName("ledger");
}

/** A ledger of its own for one test. */
export function newLedger(): Stub {
  return env.LEDGER.getByName(crypto.randomUUID());
}

/** The same object, with types that narrow. */
export function remote(ledger: Stub): Remote<Ledger> {
  const stub: unknown = ledger;
  return stub as Remote<Ledger>;
}

/** Every row of the ledger. */
export function tablesOf(ledger: Stub): Promise<Record<string, Row[]>> {
  return runInDurableObject(ledger, (_, { storage }) => dump(durableStore(storage)));
}

/** Runs a statement in the ledger's database. */
export function sql(ledger: Stub, statement: string, ...bindings: (string | number)[]): Promise<Row[]> {
  return runInDurableObject(ledger, (_, { storage }) => durableStore(storage).sql(statement, ...bindings));
}

/** Unix seconds at which the alarm is set to ring. */
export async function alarmOf(ledger: Stub): Promise<number | undefined> {
  const millis = await runInDurableObject(ledger, (_, { storage }) => storage.getAlarm());
  return millis === null ? undefined : millis / 1000;
}

/**
 * A caller whose clock agrees with the machine's: without one, a jump of more than a day is not believed.
 * @param payer of that shard; the treasury's by default
 */
export async function confirmTime(ledger: Stub, payer?: AccountId): Promise<void> {
  const account = payer ?? (await ledger.info()).treasury;
  await remote(ledger).release({ payer: account, nonce: randomId(), reservationId: randomId() }, "", unixNow());
}

/** Over how many shards the ledgers of this run are spread: the tests are run at 1 and at 4. */
export const SHARDS = parseShards(env.SHARDS);

/** A new payer on that shard. */
export async function newPayerOn(shard: number): Promise<WalletSigner> {
  for (;;) {
    const payer = await newPayer();
    if (shardOf(payer.account, SHARDS) === shard) return payer;
  }
}

/** A new payer with 25000 on the treasury's shard, the object that the test holds. */
export async function fundedPayer(ledger: Stub): Promise<WalletSigner> {
  const payer = await newPayerOn(0);
  await give(ledger, payer.account, "25000");
  return payer;
}

export async function give(ledger: Stub, account: AccountId, value: string): Promise<void> {
  const result = await remote(ledger).fund({ account, value: value as Amount, grantId: randomId() }, "");
  if (!result.ok) throw new Error(`no money: ${result.code}`);
}
