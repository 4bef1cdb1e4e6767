/**
 * The Durable Object `Lane`, one per payer and chain: shared/zone/lane.ts over its database, its alarm, the watch and the sequencer. No byte
 * leaves before the row that contains it is durable: the platform holds a fetch back until the writes before it are stored.
 */

import { DurableObject } from "cloudflare:workers";
import { fromBase64 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { logEvent } from "../../shared/log.ts";
import type { Sequencer } from "../../shared/sequencer/client.ts";
import { unixNow } from "../../shared/time.ts";
import { readAccount } from "../../shared/zone/account-read.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import type { AccountRead, LanePayment } from "../../shared/zone/lane-row.ts";
import type { LaneAnswer, LaneEffect, NativeStatus, SendAnswer } from "../../shared/zone/lane-table.ts";
import { Lane as PaymentLane, type Unavailable } from "../../shared/zone/lane.ts";
import { V03 } from "../../shared/zone/v03.ts";
import type { ChainWatch } from "./chain-watch.ts";
import { databaseOf } from "./database.ts";
import { configuredZone, type NativeVars } from "./env.ts";
import { laneStore, type LaneTable } from "./lane-store.ts";
import { dueForListing, nextListing, owedPayment } from "./owed.ts";

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

const UNAVAILABLE: Unavailable = { answer: "unavailable" };

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
  readonly #store: LaneTable;
  readonly #sequencer: Sequencer;
  readonly #watch: DurableObjectStub<ChainWatch>;
  #read: Promise<AccountRead | undefined> | undefined;
  /** Unix milliseconds of the alarm that this instance has set. */
  #alarmAt = Number.POSITIVE_INFINITY;

  /** @throws {ConfigurationError} @throws {UnsupportedSchema} when newer code wrote the table */
  constructor(ctx: DurableObjectState, env: LaneEnv) {
    super(ctx, env);
    const { sequencer } = configuredZone(env);
    this.#sequencer = sequencer;
    this.#watch = watchOf(env);
    // The alarm is set in the transaction of the row: a row that needs a look has one, whatever dies.
    this.#store = laneStore(databaseOf(ctx.storage), () => this.#setAlarm());
    this.#lane = new PaymentLane({
      store: this.#store,
      now: unixNow,
      sleep: (millis) => scheduler.wait(millis),
      view: (query) => this.#watch.view(query),
      read: (account) => this.#readAccount(account),
      send: (wire) => this.#send(wire),
      report: (payment, effect) => this.#report(payment, effect),
    });
  }

  /** Presents a verified payment of this lane's payer. */
  async settle({ payment, gasLimit, by, waitSeconds }: SettleCall): Promise<LaneAnswer | Unavailable> {
    const most = await this.#reserveFor(payment, gasLimit);
    return most === undefined ? UNAVAILABLE : this.#lane.settle(payment, by, most, waitSeconds);
  }

  /** What `settle` would answer; undefined if the payment would be sent. Changes nothing. */
  async check({ payment, gasLimit }: Pick<SettleCall, "payment" | "gasLimit">): Promise<LaneAnswer | Unavailable | undefined> {
    const most = await this.#reserveFor(payment, gasLimit);
    return most === undefined ? UNAVAILABLE : this.#lane.check(payment, most);
  }

  /** The payer's revocation, which the caller has verified. */
  cancel(payment: LanePayment): Promise<LaneAnswer | Unavailable> {
    return this.#lane.cancel(payment);
  }

  /** @param h undefined: of the payments with this nonce, the one that has come furthest */
  async status(h: Digest | undefined, { nonce, payer }: { nonce: bigint; payer?: LezAccountId }): Promise<NativeStatus> {
    const known = h ?? this.#lane.ofNonce(nonce);
    if (known !== undefined && this.#store.find(known)) return this.#lane.status(known, { nonce });
    const account = payer && (await this.#sequencer.balanceAndNonce(payer).catch(() => undefined));
    const none = h ?? ("" as Digest); // no row has it
    return this.#lane.status(none, { nonce, ...(account && { accountNonce: account.nonce }) });
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = Number.POSITIVE_INFINITY;
    try {
      await this.#lane.look();
      await this.#listOwed();
    } finally {
      this.#setAlarm();
    }
  }

  /** A payment that was presented before needs no price. */
  async #reserveFor({ h }: LanePayment, gasLimit: bigint): Promise<bigint | undefined> {
    return this.#lane.needsChain(h) ? this.#watch.reserve(gasLimit).catch(() => undefined) : 0n;
  }

  /** Copies that arrive together share one read. */
  #readAccount(account: LezAccountId): Promise<AccountRead | undefined> {
    this.#read ??= this.#readOnce(account).finally(() => {
      this.#read = undefined;
    });
    return this.#read;
  }

  async #readOnce(account: LezAccountId): Promise<AccountRead | undefined> {
    const { chainReader } = await import("./curve.ts");
    return readAccount(chainReader(this.#sequencer, V03), account);
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

  /** The watch keeps the list: no lane knows of another. */
  async #listOwed(): Promise<void> {
    for (const row of dueForListing(this.#store.rows(), this.#store.isListed, unixNow())) {
      await this.#watch.owe(owedPayment(row));
      this.#store.setListed(row.payment.h);
    }
  }

  #setAlarm(): void {
    const looks = [this.#lane.nextLook(), nextListing(this.#store.rows(), this.#store.isListed, unixNow())];
    const next = Math.min(...looks.map((look) => look ?? Number.POSITIVE_INFINITY));
    if (next === Number.POSITIVE_INFINITY || next * 1000 >= this.#alarmAt) return;
    this.#alarmAt = next * 1000;
    void this.ctx.storage.setAlarm(this.#alarmAt);
  }
}
