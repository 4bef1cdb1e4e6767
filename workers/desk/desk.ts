/**
 * One owner's desk, as a Durable Object that is named after the account. It stores nothing for an account that never signed in: strangers
 * may ask for any. No decision is made here: the owner's proof makes it, and this object keeps and hands it over.
 */

import { DurableObject } from "cloudflare:workers";
import { bytesToHex, hexToBytes, randomBytes } from "../../shared/crypto/bytes.ts";
import { refused } from "../../shared/desk/codes.ts";
import type { HostedAnswer } from "../../shared/desk/hosted-api.ts";
import { CLOCK_SKEW_SECONDS, DESK_PROOF_SECONDS } from "../../shared/limits.ts";
import { logEvent } from "../../shared/log.ts";
import { UnsupportedSchema } from "../../shared/migrations.ts";
import { type AccountId, isAccountId } from "../../shared/protocol/account.ts";
import { loginDigest } from "../../shared/protocol/desk.ts";
import { verifyProof } from "../../shared/protocol/proof.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { admit, type AgentCaller, type AgentWish, answerAgent, type CallCounts } from "./agent-calls.ts";
import type { AskOf, SessionCallName } from "./asks.ts";
import { tellUntold } from "./decisions.ts";
import { type DeskContext, tell, type Told } from "./desk-context.ts";
import { durableStore } from "./durable-store.ts";
import { type DeskEnv, passkeyRules } from "./env.ts";
import { FacilitatorClient } from "./facilitator.ts";
import { note } from "./journal.ts";
import { keyRecord } from "./keys.ts";
import { closeLogin, isOwnNonce, isSignedIn, makeNonce, openLogin, useOnce } from "./logins.ts";
import { Notices } from "./notices/notices.ts";
import { SESSION_CALLS } from "./page-calls.ts";
import { untoldRequests } from "./requests.ts";
import { hasTables, migrateDesk } from "./schema.ts";
import { deskSetting, putDeskSetting } from "./settings.ts";
import { sweep } from "./sweep.ts";
import { Waiters } from "./waiters.ts";

const LOGIN_KEY_BYTES = 32;
/** Between two tries to tell the ledger of a revocation. */
const TELL_AGAIN_SECONDS = 60;

export class Desk extends DurableObject<DeskEnv> {
  readonly #store = durableStore(this.ctx.storage);
  readonly #waiters = new Waiters();
  readonly #counts: CallCounts = new Map();
  readonly #notices = new Notices(this.env, this.#store);
  readonly #facilitator = new FacilitatorClient(this.env);
  /** Seals nonces. It is stored with the first login: until then an object that starts anew forgets its nonces. */
  #loginKey = randomBytes(LOGIN_KEY_BYTES);
  #known = false;
  /** Why this code cannot open the object. */
  #unsupported: UnsupportedSchema | undefined;
  /** Unix seconds of the alarm that is set. */
  #alarmAt: number | undefined;

  constructor(ctx: DurableObjectState, env: DeskEnv) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      if (!hasTables(this.#store)) return;
      try {
        this.#open();
      } catch (error) {
        if (!(error instanceof UnsupportedSchema)) throw error;
        logEvent("desk.unsupported_schema", { traceId: "", message: error.message });
        this.#unsupported = error;
      }
      const alarm = await ctx.storage.getAlarm();
      this.#alarmAt = alarm === null ? undefined : alarm / 1000;
      if (this.#known && this.#alarmAt === undefined) this.#wakeBy(unixNow());
    });
  }

  /** What may be known of any account: which passkeys its page asks for. */
  keys(account: AccountId): Told<HostedAnswer<"keys">> {
    return this.#known ? tell(keyRecord(this.#store, account)) : tell({ account, passkeys: [] });
  }

  /** Stores nothing. */
  loginNonce(account: AccountId): Told<HostedAnswer<"loginNonce">> {
    return tell({ nonce: makeNonce(this.#loginKey, account, unixNow()) });
  }

  /** Always a new token: a cookie that was there before is worth nothing. */
  async login({ login: signed }: AskOf<"login">, origin: string): Promise<Told<HostedAnswer<"login">> & { token?: string }> {
    if (this.#unsupported)
      return refused("unsupported", "Newer code has written this desk.", "Its operator deploys the newer version again.");
    const { login, ...proof } = signed;
    const { account, nonce } = login;
    if (login.origin !== origin) return refused("request_differs", `This is desk ${origin}, and the login is for another.`);
    const proved = await verifyProof(proof, { type: "Login", digest: loginDigest(login), account }, passkeyRules(this.env));
    if (!proved.ok)
      return refused("invalid_signature", `The proof does not count: ${proved.problem ?? "the account's holder did not sign this"}.`);
    const now = unixNow();
    const issuedAt = Number(login.issuedAt);
    const isFresh = issuedAt <= now + CLOCK_SKEW_SECONDS && issuedAt >= now - DESK_PROOF_SECONDS;
    if (!isFresh || !isOwnNonce(this.#loginKey, account, nonce, now)) return refused("proof_expired");
    this.#begin(account, origin);
    return this.#store.transact(() => {
      if (!useOnce(this.#store, "login", nonce, now + DESK_PROOF_SECONDS)) return refused("replayed");
      const { token, expiresAt } = openLogin(this.#store, now);
      note(this.#store, now, "signed_in");
      return { ...tell({ account, expiresAt: formatTimestamp(expiresAt) }), token };
    });
  }

  logout(token: string): void {
    if (this.#known) closeLogin(this.#store, token);
  }

  /** A call of the page under a login. The Worker has checked its shape. */
  async call<Name extends SessionCallName>(name: Name, ask: AskOf<Name>, token: string, origin: string): Promise<Told<unknown>> {
    const desk = this.#context(origin);
    if (!desk || !isSignedIn(this.#store, token, unixNow())) return refused("signed_out");
    const told = await SESSION_CALLS[name](desk, ask);
    this.#schedule();
    return told;
  }

  /** A call that an agent has signed. The Worker has verified its signature. */
  async agent(caller: AgentCaller, wish: AgentWish, origin: string): Promise<Told<unknown>> {
    const desk = this.#context(origin);
    const problem = desk ? admit(this.#store, caller, this.#counts, unixNow()) : refused("not_paired");
    if (!desk || problem) return problem ?? refused("not_paired");
    const told = await answerAgent(desk, caller, wish);
    this.#schedule();
    return told;
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = undefined;
    const desk = this.#context(this.#known ? (deskSetting(this.#store, "origin") ?? "") : "");
    if (!desk) return;
    const now = unixNow();
    await tellUntold(desk, now);
    await this.#notices.due(now);
    const next = sweep(this.#store, now);
    if (next === undefined) {
      this.#known = false;
      await this.ctx.storage.deleteAll();
      return;
    }
    this.#wakeBy(next);
    this.#schedule();
  }

  /** The tables of an account whose holder has signed in. */
  #begin(account: AccountId, origin: string): void {
    if (!this.#known) {
      this.#store.transact(() => {
        migrateDesk(this.#store);
        putDeskSetting(this.#store, "account", account);
        putDeskSetting(this.#store, "login-key", bytesToHex(this.#loginKey));
      });
      this.#known = true;
      this.#wakeBy(unixNow() + DESK_PROOF_SECONDS);
    }
    if (deskSetting(this.#store, "origin") !== origin) putDeskSetting(this.#store, "origin", origin);
  }

  #open(): void {
    migrateDesk(this.#store);
    const key = deskSetting(this.#store, "login-key");
    if (key !== undefined) this.#loginKey = hexToBytes(key);
    this.#known = true;
  }

  #context(origin: string): DeskContext | undefined {
    const account = this.#known ? deskSetting(this.#store, "account") : undefined;
    if (!isAccountId(account)) return undefined;
    return {
      account,
      origin,
      env: this.env,
      store: this.#store,
      facilitator: this.#facilitator,
      waiters: this.#waiters,
      notices: this.#notices,
      wakeBy: (at) => this.#wakeBy(at),
    };
  }

  /** After a call that may have changed what is due. */
  #schedule(): void {
    if (!this.#known) return; // an alarm has ended the object meanwhile
    const notice = this.#notices.nextAt();
    if (notice !== undefined) this.#wakeBy(notice);
    if (untoldRequests(this.#store, 1, unixNow()).length > 0) this.#wakeBy(unixNow() + TELL_AGAIN_SECONDS);
  }

  /** Moves the alarm to `at`, in unix seconds, unless it rings earlier. */
  #wakeBy(at: number): void {
    if (this.#alarmAt !== undefined && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    void this.ctx.storage.setAlarm(at * 1000);
  }
}
