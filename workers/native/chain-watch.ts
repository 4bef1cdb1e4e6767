/**
 * The Durable Object `ChainWatch`, one per zone: the only one that polls the sequencer, and only while it is asked. It keeps the chain in
 * memory and reads it again when it starts anew; its database has what cannot be read again.
 */

import { DurableObject } from "cloudflare:workers";
import { MAX_LOGGED_CAUSE_LENGTH } from "../../shared/limits.ts";
import { logEvent } from "../../shared/log.ts";
import { chainReader } from "../../shared/sequencer/chain-reader.ts";
import type { Sequencer } from "../../shared/sequencer/client.ts";
import { askNetwork, fingerprintOf } from "../../shared/sequencer/fingerprint.ts";
import { unixNow } from "../../shared/time.ts";
import { ChainFollower } from "../../shared/zone/chain-follower.ts";
import { reserve } from "../../shared/zone/fees.ts";
import type { LaneQuery, LaneView } from "../../shared/zone/lane-view.ts";
import { TRANSFER_BYTES } from "../../shared/zone/transfer.ts";
import { V03 } from "../../shared/zone/v03.ts";
import { configuredZone, type NativeVars } from "./env.ts";
import { watchStore } from "./watch-store.ts";

/** However many lanes ask, the sequencer is asked once in this time. */
const POLL_MILLIS = 2000;
/** A fingerprint is good for so long. */
const FINGERPRINT_SECONDS = 300;
/** A head that is older than so many blocks take is no head. */
const MAX_HEAD_BLOCKS = 10;

export class ChainWatch extends DurableObject<NativeVars> {
  readonly #sequencer: Sequencer;
  readonly #follower: ChainFollower;
  /** Unix milliseconds. */
  #polledAt = 0;
  #polling: Promise<void> | undefined;
  /** What the last fingerprint said, and when it was taken, in unix seconds. */
  #fingerprint: { problem: string | undefined; headAt: number; at: number } | undefined;

  /** @throws {ConfigurationError} @throws {UnsupportedSchema} when newer code wrote the table */
  constructor(ctx: DurableObjectState, env: NativeVars) {
    super(ctx, env);
    const { sequencer, chain } = configuredZone(env);
    this.#sequencer = sequencer;
    const { storage } = ctx;
    const store = watchStore({
      sql: (statement, ...bindings) => storage.sql.exec(statement, ...bindings).toArray(),
      transact: (body) => storage.transactionSync(body),
    });
    this.#follower = new ChainFollower(chainReader(sequencer, V03), chain.ledger, {
      ...store,
      report: (alert, problem) => logEvent("native.chain", { traceId: "", alert, problem: problem.slice(0, MAX_LOGGED_CAUSE_LENGTH) }),
    });
  }

  /** What the chain says of a payment. `isFresh` only if something may be sent to this network now. */
  async view(query: LaneQuery): Promise<LaneView | "reset" | undefined> {
    await this.#poll();
    const view = await this.#follower.view(query);
    if (this.#follower.state === "reset") return "reset";
    return view && { ...view, isFresh: view.isFresh && this.#isOffered() };
  }

  /** Whether payments are taken now, and if they are not, why. */
  async standing(): Promise<{ offered: boolean; problem?: string; blockSeconds: number }> {
    await this.#poll();
    const problem = this.#fingerprint?.problem;
    return { offered: this.#isOffered(), ...(problem !== undefined && { problem }), blockSeconds: this.#follower.blockSeconds };
  }

  /** The most that the next block may take first for a transfer, in lepta. Rejects if the sequencer does not say. */
  async reserve(gasLimit: bigint): Promise<bigint> {
    const { ceiling } = await this.#sequencer.feeState();
    return reserve({ gasLimit, tip: 0n }, TRANSFER_BYTES, ceiling);
  }

  /** The sequencer answered as its release does not: nothing is sent before it was looked at again. */
  doubt(): void {
    this.#fingerprint = undefined;
  }

  async #poll(): Promise<void> {
    if (Date.now() - this.#polledAt >= POLL_MILLIS || this.#follower.state === "unread") {
      this.#polling ??= this.#follow().finally(() => {
        this.#polling = undefined;
        this.#polledAt = Date.now();
      });
    }
    await this.#polling;
  }

  /** A sequencer that does not answer is asked again by the next call; what is known grows old meanwhile. */
  async #follow(): Promise<void> {
    if (!this.#fingerprint || unixNow() > this.#fingerprint.at + FINGERPRINT_SECONDS) await this.#takeFingerprint();
    await this.#follower.poll().catch(() => undefined);
  }

  async #takeFingerprint(): Promise<void> {
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

  #isOffered(): boolean {
    if (this.#follower.state !== "following" || !this.#fingerprint || this.#fingerprint.problem !== undefined) return false;
    const headAt = Math.max(this.#follower.headAt, this.#fingerprint.headAt);
    return unixNow() - headAt <= MAX_HEAD_BLOCKS * this.#follower.blockSeconds;
  }
}
