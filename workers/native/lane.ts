/**
 * The Durable Object `Lane`, one per payer and chain: shared/zone/lane.ts over its database, its alarm, the watch and the sequencer. No byte
 * leaves before the row that contains it is durable: the platform holds a fetch back until the writes before it are stored.
 */

import { DurableObject } from "cloudflare:workers";
import { fromBase64 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { logEvent } from "../../shared/log.ts";
import { chainReader } from "../../shared/sequencer/chain-reader.ts";
import type { Sequencer } from "../../shared/sequencer/client.ts";
import { unixNow } from "../../shared/time.ts";
import { readAccount } from "../../shared/zone/account-read.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import type { LanePayment } from "../../shared/zone/lane-row.ts";
import type { LaneAnswer, LaneEffect, NativeStatus, SendAnswer } from "../../shared/zone/lane-table.ts";
import { Lane as PaymentLane, type Unavailable } from "../../shared/zone/lane.ts";
import { V03 } from "../../shared/zone/v03.ts";
import type { ChainWatch } from "./chain-watch.ts";
import { configuredZone, type NativeVars } from "./env.ts";
import { laneStore } from "./lane-store.ts";

export interface LaneEnv extends NativeVars {
  CHAIN_WATCH: DurableObjectNamespace<ChainWatch>;
}

export interface SettleCall {
  payment: LanePayment;
  gasLimit: bigint;
  /** The settlement's id. */
  by: string;
  /** How long the caller waits for the receipt. */
  waitSeconds: number;
}

/** The name of a payer's object: both, so that another chain's rows are never this one's. */
export function laneName(ledger: Digest, payer: LezAccountId): string {
  return `${ledger} ${payer}`;
}

/** Its watch, of which each chain has one. */
export function watchOf(env: LaneEnv): DurableObjectStub<ChainWatch> {
  return env.CHAIN_WATCH.getByName(configuredZone(env).chain.ledger);
}

export class Lane extends DurableObject<LaneEnv> {
  readonly #lane: PaymentLane;
  readonly #sequencer: Sequencer;
  readonly #watch: DurableObjectStub<ChainWatch>;
  /** Unix milliseconds of the alarm that this instance has set. */
  #alarmAt = Number.POSITIVE_INFINITY;

  /** @throws {ConfigurationError} @throws {UnsupportedSchema} when newer code wrote the table */
  constructor(ctx: DurableObjectState, env: LaneEnv) {
    super(ctx, env);
    const { storage } = ctx;
    const { sequencer } = configuredZone(env);
    this.#sequencer = sequencer;
    this.#watch = watchOf(env);
    const reader = chainReader(sequencer, V03);
    const database = {
      sql: (statement: string, ...bindings: (string | number)[]) => storage.sql.exec(statement, ...bindings).toArray(),
      transact: <T>(body: () => T) => storage.transactionSync(body),
    };
    this.#lane = new PaymentLane({
      // The alarm is set in the transaction of the row: a row that needs a look has one, whatever dies.
      store: laneStore(database, () => this.#setAlarm()),
      now: unixNow,
      sleep: (millis) => scheduler.wait(millis),
      view: (query) => this.#watch.view(query),
      read: (account) => readAccount(reader, account),
      send: (wire) => this.#send(wire),
      report: (payment, effect) => this.#report(payment, effect),
    });
  }

  /** Presents a verified payment of this lane's payer. */
  async settle({ payment, gasLimit, by, waitSeconds }: SettleCall): Promise<LaneAnswer | Unavailable> {
    const most = await this.#watch.reserve(gasLimit).catch(() => undefined);
    return most === undefined ? { answer: "unavailable" } : this.#lane.settle(payment, by, most, waitSeconds);
  }

  /** The payer's revocation, which the caller has verified. */
  cancel(payment: LanePayment): Promise<LaneAnswer | Unavailable> {
    return this.#lane.cancel(payment);
  }

  status(h: Digest, of: { nonce: bigint; accountNonce?: bigint }): NativeStatus {
    return this.#lane.status(h, of);
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = Number.POSITIVE_INFINITY;
    try {
      await this.#lane.look();
    } finally {
      this.#setAlarm();
    }
  }

  async #send(wire: string): Promise<SendAnswer> {
    const bytes = fromBase64(wire);
    if (!bytes) return { kind: "malformed" };
    const sent = await this.#sequencer.sendTransaction(bytes);
    if (sent.ok) return { kind: "id", transaction: sent.id };
    switch (sent.reason) {
      case "full":
      case "fee":
        return { kind: sent.reason };
      case "signature":
      case "shape":
      case "too_large":
        return { kind: "malformed" };
      case "unknown":
        return { kind: "none" };
    }
  }

  #report({ transaction }: LanePayment, effect: Extract<LaneEffect, { effect: "journal" | "alert" | "check_network" }>): void {
    if (effect.effect === "check_network") this.ctx.waitUntil(this.#watch.doubt());
    else if (effect.effect === "alert") logEvent("native.alert", { traceId: "", alert: effect.alert, transaction });
    else logEvent("native.journal", { traceId: "", entry: effect.entry, transaction });
  }

  #setAlarm(): void {
    const next = this.#lane.nextLook();
    if (next === undefined || next * 1000 >= this.#alarmAt) return;
    this.#alarmAt = next * 1000;
    void this.ctx.storage.setAlarm(this.#alarmAt);
  }
}
