/**
 * The Durable Object `ChainWatch`, one per zone: the only one that polls the sequencer, and only while it is asked. It keeps the chain in
 * memory and reads it again when it starts anew; its database has what cannot be read again.
 */

import { DurableObject } from "cloudflare:workers";
import { MAX_LOGGED_CAUSE_LENGTH } from "../../shared/limits.ts";
import { logEvent } from "../../shared/log.ts";
import type { Sequencer } from "../../shared/sequencer/client.ts";
import type { OwedPayment } from "../../shared/settlement/native.ts";
import { unixNow } from "../../shared/time.ts";
import { ChainFollower, isHeadYoung } from "../../shared/zone/chain-follower.ts";
import { reserve } from "../../shared/zone/fees.ts";
import type { LaneQuery, LaneView } from "../../shared/zone/lane-view.ts";
import { TRANSFER_BYTES } from "../../shared/zone/transfer.ts";
import { V03 } from "../../shared/zone/v03.ts";
import { databaseOf } from "./database.ts";
import { configuredZone, type NativeVars } from "./env.ts";
import { type WatchStore, watchStore } from "./watch-store.ts";

/** However many lanes ask, the sequencer is asked once in this time, and when a lane has read a newer block. */
const POLL_MILLIS = 2000;
/** A fingerprint is good for so long. */
const FINGERPRINT_SECONDS = 300;

/** Whether payments are taken now, and if they are not, why. */
export interface Standing {
  offered: boolean;
  problem?: string;
  blockSeconds: number;
}

export class ChainWatch extends DurableObject<NativeVars> {
  readonly #sequencer: Sequencer;
  readonly #store: WatchStore;
  #followed: Promise<ChainFollower> | undefined;
  /** Unix milliseconds. */
  #polledAt = 0;
  #polling: Promise<void> | undefined;
  #feeState: ReturnType<Sequencer["feeState"]> | undefined;
  /** What the last fingerprint said, and when it was taken, in unix seconds. */
  #fingerprint: { problem: string | undefined; headAt: number; at: number } | undefined;

  /** @throws {ConfigurationError} @throws {UnsupportedSchema} when newer code wrote the tables */
  constructor(ctx: DurableObjectState, env: NativeVars) {
    super(ctx, env);
    this.#sequencer = configuredZone(env).sequencer;
    this.#store = watchStore(databaseOf(ctx.storage));
  }

  /** What the chain says of a payment. `isFresh` only if something may be sent to this network now. */
  async view(query: LaneQuery): Promise<LaneView | "reset" | undefined> {
    const follower = await this.#poll();
    let view = await follower.view(query);
    // A lane has read a block of which the last poll knows nothing.
    if (query.fresh && view?.isFresh === false) {
      await this.#pollNow(follower);
      view = await follower.view(query);
    }
    if (follower.state === "reset") return "reset";
    if (!view) return undefined;
    return { ...view, isFresh: view.isFresh && this.#isOffered(follower) };
  }

  async standing(): Promise<Standing> {
    const follower = await this.#poll();
    const problem = follower.state === "reset" ? "block 1 is another than the configured one" : this.#fingerprint?.problem;
    return { offered: this.#isOffered(follower), ...(problem !== undefined && { problem }), blockSeconds: follower.blockSeconds };
  }

  /** The most that the next block may take first for a transfer, in lepta. Rejects if the sequencer does not say. */
  async reserve(gasLimit: bigint): Promise<bigint> {
    this.#feeState ??= this.#sequencer.feeState().finally(() => {
      this.#feeState = undefined;
    });
    const { ceiling } = await this.#feeState;
    return reserve({ gasLimit, tip: 0n }, TRANSFER_BYTES, ceiling);
  }

  /** The sequencer answered as its release does not: nothing is sent before it was looked at again. */
  doubt(): void {
    this.#fingerprint = undefined;
  }

  /** A payment that was made too late for its purchase. The same one again changes nothing. */
  owe(payment: OwedPayment): void {
    this.#store.owe(payment);
    logEvent("native.journal", { traceId: "", entry: "owed", transaction: payment.transaction });
  }

  /** @param after `next` of the page before, or 0 */
  owed(after: number): { owed: OwedPayment[]; next?: number } {
    return this.#store.owed(after);
  }

  async #poll(): Promise<ChainFollower> {
    this.#followed ??= this.#start();
    const follower = await this.#followed;
    if (Date.now() - this.#polledAt >= POLL_MILLIS || follower.state === "unread") await this.#pollNow(follower);
    else await this.#polling;
    return follower;
  }

  async #pollNow(follower: ChainFollower): Promise<void> {
    this.#polling ??= this.#follow(follower).finally(() => {
      this.#polling = undefined;
      this.#polledAt = Date.now();
    });
    await this.#polling;
  }

  async #start(): Promise<ChainFollower> {
    const { chainReader } = await import("./curve.ts");
    return new ChainFollower(chainReader(this.#sequencer, V03), configuredZone(this.env).chain.ledger, {
      ...this.#store,
      report: (alert, problem) => logEvent("native.chain", { traceId: "", alert, problem: problem.slice(0, MAX_LOGGED_CAUSE_LENGTH) }),
    });
  }

  /** A sequencer that does not answer is asked again by the next call; what is known grows old meanwhile. */
  async #follow(follower: ChainFollower): Promise<void> {
    if (!this.#fingerprint || unixNow() > this.#fingerprint.at + FINGERPRINT_SECONDS) await this.#takeFingerprint();
    await follower.poll().catch(() => undefined);
  }

  async #takeFingerprint(): Promise<void> {
    const { askNetwork, fingerprintOf } = await import("./curve.ts");
    const { chain } = configuredZone(this.env);
    const at = unixNow();
    try {
      const taken = fingerprintOf(await askNetwork(this.#sequencer, chain), chain, V03);
      this.#fingerprint = {
        problem: taken.ok ? undefined : taken.problem,
        headAt: taken.ok ? Number(taken.head.timestamp / 1000n) : 0,
        at,
      };
    } catch {
      this.#fingerprint = undefined;
    }
  }

  #isOffered(follower: ChainFollower): boolean {
    if (follower.state !== "following" || !this.#fingerprint || this.#fingerprint.problem !== undefined) return false;
    const headAt = Math.max(follower.headAt, this.#fingerprint.headAt);
    return isHeadYoung(headAt, follower.blockSeconds, unixNow());
  }
}
