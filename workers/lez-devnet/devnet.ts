/** The Durable Object: one chain, its clock, and the faults that a test has set. The rules are in chain.ts, the methods in rpc.ts. */

import { DurableObject } from "cloudflare:workers";
import { writeJsonExact } from "../../shared/text/json.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import { Chain } from "./chain.ts";
import { type DevnetConfig, type DevnetVars, readConfig } from "./config.ts";
import { type Faults, NO_FAULTS, produceBlock, readCommand } from "./control.ts";
import { explorerPage, type Page } from "./explorer.ts";
import { FAUCET_LEPTA } from "./limits.ts";
import { answerRpc, type RpcChain } from "./rpc.ts";

/** `lost`: it was done, and the caller must not hear of it. */
export type RpcAnswer = { kind: "answer"; body: string | undefined } | { kind: "lost" };
export type ControlAnswer = { ok: true; body: string } | { ok: false; problem: string | undefined };
/** `waits`: money for this account is on its way already. */
export type Grant = "granted" | "waits" | "busy";

const FAULTS = "faults";

export class Devnet extends DurableObject<DevnetVars> {
  readonly #chain: Chain;
  readonly #config: DevnetConfig;
  #faults: Faults;

  /** @throws {ConfigurationError} @throws {UnsupportedSchema} when newer code wrote the tables */
  constructor(ctx: DurableObjectState, env: DevnetVars) {
    super(ctx, env);
    const { storage } = ctx;
    this.#config = readConfig(env);
    this.#chain = new Chain(
      {
        sql: (statement, ...bindings) => storage.sql.exec(statement, ...bindings).toArray(),
        transact: (body) => storage.transactionSync(body),
      },
      this.#config,
    );
    this.#faults = storage.kv.get<Faults>(FAULTS) ?? NO_FAULTS;
    void ctx.blockConcurrencyWhile(async () => {
      if (!this.#faults.paused && (await storage.getAlarm()) === null) await this.#setClock();
    });
  }

  /** @param body of a POST */
  async rpc(body: Uint8Array): Promise<RpcAnswer> {
    const { delay } = this.#faults;
    if (delay > 0) await scheduler.wait(delay);
    let sent = 0;
    const answer = answerRpc(
      body,
      this.#rpcChain(() => sent++),
      this.#config,
    );
    if (sent === 0 || this.#faults.loseAnswers === 0) return { kind: "answer", body: answer };
    this.#keep({ ...this.#faults, loseAnswers: this.#faults.loseAnswers - 1 });
    return { kind: "lost" };
  }

  /** A page of the explorer. It changes nothing. */
  explore(path: string, before: string | null): Page {
    return explorerPage(
      path,
      before,
      this.#rpcChain(() => undefined),
    );
  }

  /** @param args parsed JSON. No problem: there is no such command */
  async control(name: string, args: unknown): Promise<ControlAnswer> {
    const command = readCommand(name, args);
    if (!command.ok) return command;
    const { faults, result } = command.run(this.#chain, this.#faults, Date.now);
    const wasPaused = this.#faults.paused;
    this.#keep(faults);
    if (faults.paused) await this.ctx.storage.deleteAlarm();
    else if (wasPaused) await this.#setClock();
    return { ok: true, body: writeJsonExact({ result }) };
  }

  /** The faucet: one grant at a time for an account. */
  grant(account: LezAccountId): Grant {
    if (this.#chain.isFunding(account)) return "waits";
    return this.#chain.fund(account, FAUCET_LEPTA) ? "granted" : "busy";
  }

  /** The next block. The platform may ring twice: that is one block more. */
  override async alarm(): Promise<void> {
    if (this.#faults.paused) return;
    this.#keep(produceBlock(this.#chain, this.#faults, Date.now()));
    await this.#setClock();
  }

  #rpcChain(onSent: () => void): RpcChain {
    const chain = this.#chain;
    const { full } = this.#faults;
    return {
      head: chain.head,
      market: chain.market,
      block: (id) => chain.block(id),
      transaction: (id) => chain.transaction(id),
      account: (id) => chain.account(id),
      send: (wire) => {
        const admission = chain.send(wire, full ? 0 : undefined);
        if (admission.ok) onSent();
        return admission;
      },
    };
  }

  #keep(faults: Faults): void {
    if (faults === this.#faults) return;
    this.#faults = faults;
    this.ctx.storage.kv.put(FAULTS, faults);
  }

  async #setClock(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now() + this.#config.blockMillis);
  }
}
