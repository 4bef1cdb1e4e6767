/**
 * The Durable Object `Sessions`, one per session: it owns the deposit, gives parts of it to isolates, and claims what they report. What an
 * answer relies on is on disk before it leaves; a session that is over deletes itself. Importing this file is what lets `paywall()` sell
 * by session.
 */

import { DurableObject } from "cloudflare:workers";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { SWEEP_INTERVAL_SECONDS } from "../../../../shared/limits.ts";
import { logEvent } from "../../../../shared/log.ts";
import { UnsupportedSchema } from "../../../../shared/migrations.ts";
import type { SessionStanding } from "../../../../shared/settlement/backend.ts";
import { provideAcceptor } from "../session-acceptor.ts";
import type { PaywallBindings } from "../types.ts";
import { SessionAcceptor } from "./acceptor.ts";
import { claimant } from "./claim.ts";
import { sessionFacilitatorOf } from "./facilitator.ts";
import { receiverKeys } from "./receiver-key.ts";
import type {
  ChargeCall,
  FinishCall,
  KnownSession,
  LaneGrant,
  LeaseCall,
  RenewCall,
  ReportAnswer,
  SessionsRpc,
  TakeAnswer,
  TakeCall,
  WireReport,
} from "./rpc.ts";
import { SessionObject } from "./session-object.ts";
import { SessionTables } from "./session-tables.ts";
import { tellClaim } from "./tell-claim.ts";

provideAcceptor(new SessionAcceptor());

type Synchronous<T> = {
  [Name in keyof T]: T[Name] extends (...args: infer Args) => Promise<infer Result> ? (...args: Args) => Result | Promise<Result> : never;
};

/** A merchant has many objects. One line per isolate says what is wrong with all of them. */
let hasLoggedSchema = false;

/** Methods without an await, but for `close`: each is one transaction. */
export class Sessions extends DurableObject<PaywallBindings> implements Synchronous<SessionsRpc> {
  readonly #object: SessionObject | undefined;
  readonly #tables: SessionTables | undefined;
  /** Set if newer code wrote the tables. This code then neither reads nor writes them. */
  readonly #unsupported: UnsupportedSchema | undefined;
  /** When the alarm rings, in milliseconds; undefined: not known, as after a start. */
  #alarmAt: number | undefined;

  constructor(ctx: DurableObjectState, env: PaywallBindings) {
    super(ctx, env);
    try {
      this.#tables = new SessionTables(ctx.storage, () => this.#ringBy(Date.now() + SWEEP_INTERVAL_SECONDS * 1000));
      this.#object = new SessionObject({
        store: this.#tables,
        name: ctx.id.name,
        claimant: claimant(
          sessionFacilitatorOf(env) ?? {},
          (origin) => this.#keys(origin),
          (paid) => ctx.waitUntil(tellClaim(env, paid)),
        ),
        now: () => Date.now(),
        ringBy: (at) => this.#ringBy(at),
        ringAt: (at) => this.#ringAt(at),
        later: (millis, body) => void setTimeout(body, millis),
      });
    } catch (error) {
      if (!(error instanceof UnsupportedSchema)) throw error;
      this.#unsupported = error;
      if (!hasLoggedSchema) logEvent("session.unsupported_schema", { traceId: "", message: error.message });
      hasLoggedSchema = true;
    }
  }

  canOpen(): boolean {
    this.#tables?.make();
    return this.#tables !== undefined;
  }

  take(call: TakeCall): TakeAnswer {
    return this.#supported().take(call);
  }

  finish(call: FinishCall): void {
    this.#supported().finish(call);
  }

  charge(call: ChargeCall): void {
    this.#supported().charge(call);
  }

  lease(call: LeaseCall): LaneGrant | undefined {
    return this.#supported().lease(call);
  }

  renew(call: RenewCall): LaneGrant | undefined {
    return this.#supported().renew(call);
  }

  report(report: WireReport): ReportAnswer {
    return this.#supported().report(report);
  }

  close(known: KnownSession, report?: WireReport): Promise<SessionStanding> {
    return this.#supported().close(known, report);
  }

  override async alarm(): Promise<void> {
    if (this.#object) return this.#object.alarm();
    await this.ctx.storage.setAlarm(Date.now() + SWEEP_INTERVAL_SECONDS * 1000);
  }

  #keys(origin: string) {
    if (!this.env.SESSIONS) throw new ConfigurationError("the Worker that has the class Sessions needs the binding SESSIONS, too");
    return receiverKeys(this.env, this.env.SESSIONS, origin);
  }

  /** @throws {UnsupportedSchema} The caller does not know then what was given away, and accepts nothing. */
  #supported(): SessionObject {
    if (!this.#object) throw this.#unsupported ?? new Error("the object did not start");
    return this.#object;
  }

  #ringBy(at: number): void {
    if (this.#alarmAt !== undefined) {
      if (at < this.#alarmAt) void this.#ringAt(at);
      return;
    }
    void this.ctx.storage.getAlarm().then(async (known) => {
      if (known === null || at < known) await this.#ringAt(at);
      else this.#alarmAt ??= known;
    });
  }

  #ringAt(at: number): Promise<void> {
    this.#alarmAt = at;
    return this.ctx.storage.setAlarm(at);
  }
}
