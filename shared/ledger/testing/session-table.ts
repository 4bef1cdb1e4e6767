/**
 * The state table of a session, cell by cell. session-table.test.ts plays every cell, and compares spec/state-table.md with them by
 * their names.
 */

import { canonicalJson, type Digest, digest } from "../../crypto/digest.ts";
import { NETWORK } from "../../lez.ts";
import {
  CLOCK_SKEW_SECONDS,
  FORGET_SECONDS,
  MAX_BACKLOG,
  MAX_SESSION_LANES,
  MAX_VALIDITY_SECONDS,
  SWEEP_INTERVAL_SECONDS,
} from "../../limits.ts";
import type { AccountId } from "../../protocol/account.ts";
import type { Amount } from "../../protocol/amount.ts";
import { transactionOf } from "../../protocol/authorization.ts";
import type { LedgerPayment } from "../../protocol/ledger-payment.ts";
import type { LedgerClaim, LedgerSession, LedgerSessionMandate } from "../../protocol/ledger-session.ts";
import { isUnknown } from "../accounts.ts";
import { appliedOf, auditShards, consolidate, type LedgerAudit } from "../consolidate.ts";
import { LedgerRules } from "../rules.ts";
import { shardOf } from "../shards.ts";
import type { LedgerStore } from "../store.ts";
import {
  ALICE,
  BOB,
  captureOf,
  CAROL,
  FIRST,
  give,
  idOf,
  LEDGER,
  LEDGER_OF_FOUR,
  paymentOf,
  reservationOf,
  reserveOf,
  SECOND,
  settleOf,
  START,
  txOf,
} from "./ledger.ts";

/** A ledger of so many shards, founded unless it is. Alice has 250, Bob nothing. */
export class Stall {
  readonly stores: LedgerStore[];
  readonly shards: LedgerRules[];
  readonly ledger: Digest;
  readonly #Rules: typeof LedgerRules;

  constructor(stores: LedgerStore[], Rules: typeof LedgerRules = LedgerRules) {
    this.#Rules = Rules;
    this.stores = stores;
    this.ledger = stores.length === 1 ? LEDGER : LEDGER_OF_FOUR;
    this.shards = stores.map((_, shard) => this.#open(shard));
    if (!isUnknown(this.rules.account(ALICE))) return;
    give(this.shards[0] ?? this.#open(0), ALICE, 250n);
    this.deliver();
  }

  #open(shard: number): LedgerRules {
    const [store] = this.stores.slice(shard);
    if (!store) throw new Error(`no shard ${shard}`);
    return new this.#Rules(store, { ledger: this.ledger, supply: 1000n, at: START, place: { shard, shards: this.stores.length } });
  }

  of(account: AccountId): LedgerRules {
    return this.shards[shardOf(account, this.shards.length)] ?? this.#open(0);
  }

  /** Alice's shard. */
  get rules(): LedgerRules {
    return this.of(ALICE);
  }

  get store(): LedgerStore {
    const [store] = this.stores.slice(shardOf(ALICE, this.stores.length));
    if (!store) throw new Error("no such shard");
    return store;
  }

  restart(): void {
    for (const shard of this.shards.keys()) this.shards[shard] = this.#open(shard);
  }

  deliver(at = START): void {
    for (const from of this.shards)
      for (const to of from.destinations())
        for (let batch = from.nextBatch(to); batch; batch = from.nextBatch(to)) {
          const received = this.shards[to]?.receive(batch, at);
          if (!received?.ok || !from.acknowledge(to, received)) throw new Error(`shard ${to} took nothing`);
        }
  }

  /** What an audit finds wrong; nothing is on its way. */
  problems(): string[] {
    const before = this.shards.map((rules) => rules.marks());
    return consolidate(
      before,
      this.shards.map((rules, shard) => rules.auditShard(appliedOf(before, shard))),
    ).problems;
  }

  audit(): Promise<LedgerAudit> {
    const shards = this.shards.map((rules) => ({
      marks: async () => rules.marks(),
      audit: async (marks: Parameters<LedgerRules["auditShard"]>[0]) => rules.auditShard(marks),
    }));
    return auditShards(shards);
  }
}

const HOUR = 3600;
const DELAY = 900;

type Terms = Partial<Omit<LedgerSession, "id" | "config">>;

/** 100 that Alice sets aside for Bob, for an hour, and for 15 minutes after it. Its id covers all of it, as a real one does. */
export function sessionOf(changes: Terms = {}): LedgerSession {
  const terms = {
    payer: ALICE,
    nonce: idOf(0xa),
    payee: BOB,
    signer: idOf(0x51),
    receiver: idOf(0x52),
    deposit: "100" as Amount,
    validAfter: START,
    validBefore: START + 60,
    expiresAt: START + HOUR,
    withdrawDelay: DELAY,
    ...changes,
  };
  const config = {
    ...terms,
    validAfter: String(terms.validAfter),
    validBefore: String(terms.validBefore),
    expiresAt: String(terms.expiresAt),
    withdrawDelay: String(terms.withdrawDelay),
    mandate: terms.mandate?.digest,
  };
  return { ...terms, id: digest("Session", config), config: canonicalJson(config) };
}

/** So much of each lane. Without lanes it is final. */
export function claimOf(lanes: Record<string, number>, { payer, id }: Pick<LedgerSession, "payer" | "id"> = SESSION): LedgerClaim {
  const entries = Object.entries(lanes).map(([lane, amount]) => ({ lane: lane as "0", amount: String(amount) as Amount }));
  const claim = { payer, id, lanes: entries, final: entries.length === 0 };
  return { ...claim, claimDigest: digest("Claim", { ...claim, final: claim.final ? "yes" : "no" }) };
}

export function claimTx({ claimDigest }: LedgerClaim): Digest {
  return transactionOf(NETWORK, claimDigest);
}

export const SESSION = sessionOf();
/** Another session with its nonce. */
const OTHER = sessionOf({ deposit: "101" as Amount });
const LANE = "1a".repeat(16);
/** What FIRST_CLAIM took: 30 of lane 0, 10 of another. */
const FIRST_CLAIM = claimOf({ "0": 30, [LANE]: 10 });
const FINAL = claimOf({});

export type SessionState = "none" | "open-live" | "open-late" | "open-dead" | "closing-in-time" | "closing-dead" | "closed";

/** When the event happens, in each state. */
const LATE = SESSION.expiresAt + 1;
const DEAD_LINE = SESSION.expiresAt + DELAY;
/** In `closing` Alice wanted the rest back 10 seconds after START. */
const WITHDRAWN_AT = START + 10;
const CLOSES_AT = WITHDRAWN_AT + DELAY;
/** In `closed` Bob has sent his final claim 20 seconds after START. */
const CLOSED_AT = START + 20;
const TIMES: Record<SessionState, number> = {
  none: START,
  "open-live": SESSION.expiresAt,
  "open-late": DEAD_LINE,
  "open-dead": DEAD_LINE + 1,
  "closing-in-time": CLOSES_AT,
  "closing-dead": CLOSES_AT + 1,
  closed: START + 30,
};

/** Brings a new ledger into `state`. FIRST_CLAIM was paid in every one but none. */
export function arrangeSession(stall: Stall, state: SessionState): void {
  if (state === "none") return;
  const { rules } = stall;
  const opened = rules.openSession(SESSION, START);
  const paid = rules.claimSession(FIRST_CLAIM, START + 1);
  if (!opened.ok || !paid.ok) throw new Error("no session");
  stall.deliver();
  if (state.startsWith("closing")) rules.withdrawSession(SESSION, WITHDRAWN_AT);
  if (state === "closed") rules.claimSession(FINAL, CLOSED_AT);
}

export interface SessionCell {
  /** `session-event/state before/case`. Stable: other pages cite the cell by it. */
  name: string;
  fact: string;
  state: SessionState;
  /** Whatever else must have happened. */
  given?: (stall: Stall) => void;
  /** Unix seconds. */
  at: number;
  event: (stall: Stall, at: number) => unknown;
  answer: unknown;
  /** `state deposit claimed`, as they are stored; undefined without a row. */
  after: string | undefined;
  /** The page's words for answer and state afterwards. */
  words: [answer: string, after: string];
  /** Only where payer and payee live apart. */
  apart?: true;
  /** Money was made up: the audit says so. */
  isForged?: true;
}

type Options = Partial<Pick<SessionCell, "given" | "at" | "apart" | "isForged" | "after">>;

const AS_IT_WAS = "as it was";
const STORED: Record<SessionState, string | undefined> = {
  none: undefined,
  "open-live": "open 100 40",
  "open-late": "open 100 40",
  "open-dead": "open 100 40",
  "closing-in-time": "closing 100 40",
  "closing-dead": "closing 100 40",
  closed: "closed 100 40",
};
const CLOSED = "closed 100 40";
const ALL: readonly SessionState[] = ["none", "open-live", "open-late", "open-dead", "closing-in-time", "closing-dead", "closed"];
const TO_BE_CLAIMED: readonly SessionState[] = ["open-live", "open-late", "closing-in-time"];
const ENDED: readonly SessionState[] = ["open-dead", "closing-dead", "closed"];

const refused = (code: string, more: object = {}) => ({ ok: false, code, ...more });

/** The session's standing in a state, after so much was claimed. */
function standingIn(state: SessionState, at: number, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const closesAt = state === "closed" ? CLOSED_AT : state.startsWith("closing") ? CLOSES_AT : DEAD_LINE;
  const status = state === "closed" || state.endsWith("dead") ? "closed" : state.startsWith("closing") ? "closing" : "open";
  const since = state.startsWith("closing") && { withdrawRequestedAt: WITHDRAWN_AT };
  const { id, payer, deposit, expiresAt } = SESSION;
  return { id, payer, status, deposit, claimed: "40", expiresAt, closesAt, ...since, at, ...changes };
}

function cell(
  event: string,
  state: SessionState,
  [slug, fact]: [slug: string, fact: string],
  act: SessionCell["event"],
  answer: (at: number) => unknown,
  words: [string, string],
  options: Options = {},
): SessionCell {
  const at = options.at ?? TIMES[state];
  const after = words[1] === AS_IT_WAS ? STORED[state] : CLOSED;
  return { name: `session-${event}/${state}/${slug}`, fact, state, event: act, after, words, ...options, at, answer: answer(at) };
}

/** A refusal. Of what is dead, the event that finds it out ends it. */
function no(
  event: string,
  state: SessionState,
  fact: [string, string],
  act: SessionCell["event"],
  code: string,
  { more = {}, said = "", ...options }: Options & { more?: object; said?: string } = {},
): SessionCell {
  const after = state.endsWith("dead") ? "closed" : AS_IT_WAS;
  return cell(event, state, fact, act, () => refused(code, more), [`\`${code}\`${said}`, after], options);
}

// --- Open ------------------------------------------------------------------------------------------

const opening =
  (session: LedgerSession) =>
  ({ rules }: Stall, at: number) =>
    rules.openSession(session, at);

function opens([slug, fact]: [string, string], session: LedgerSession, options: Options = {}): SessionCell {
  const { id, payer, deposit, expiresAt, withdrawDelay } = session;
  const standing = { id, payer, status: "open", deposit, claimed: "0", expiresAt, closesAt: expiresAt + withdrawDelay };
  const answer = (at: number) => ({ ok: true, session: { ...standing, at } });
  return cell("open", "none", [slug, fact], opening(session), answer, ["the session", "open"], { after: `open ${deposit} 0`, ...options });
}

const units = (value: number) => String(value) as Amount;
const PAYMENT = paymentOf({ validBefore: START + 60 });
const END = START + 60;
/** At most 200 in all, 150 in an hour; 120 set aside at a time, in two sessions. */
export const SESSION_MANDATE: LedgerSessionMandate = {
  digest: idOf(0xd1),
  grantedAt: START,
  validAfter: START,
  validBefore: START + 24 * HOUR,
  total: units(200),
  period: { seconds: HOUR, amount: units(150), count: 3 },
  session: { deposit: units(120), open: 2 },
};
export const under = (deposit: number, changes: Terms = {}) =>
  sessionOf({ deposit: units(deposit), nonce: idOf(0xb), mandate: SESSION_MANDATE, ...changes });
const revoke =
  (mandate: Digest | "*", revokedAt = START) =>
  (stall: Stall) =>
    void stall.rules.revoke({ payer: ALICE, mandate, revokedAt }, revokedAt);
const spend = (value: number) => (stall: Stall) =>
  void stall.rules.settle(settleOf(paymentOf({ nonce: idOf(0xc), payee: CAROL, value: units(value) }), FIRST), START);
const fill = (stall: Stall) =>
  void stall.store.sql(
    "INSERT INTO outbox (to_shard, number, payee, value, tx) VALUES (?, ?, ?, '1', ?)",
    shardOf(BOB, 4),
    MAX_BACKLOG,
    BOB,
    idOf(0),
  );

const OPEN: SessionCell[] = [
  opens(["valid", "the deposit is set aside"], SESSION),
  opens(["last-funds", "up to the payer's last unit"], sessionOf({ deposit: units(250) })),
  opens(["last-second", "up to the last second in which it can be opened"], SESSION, { at: SESSION.validBefore }),
  no(
    "open",
    "none",
    ["not-yet-valid", "not before its time"],
    opening(sessionOf({ validAfter: START + CLOCK_SKEW_SECONDS + 1 })),
    "payment_not_yet_valid",
  ),
  no("open", "none", ["expired", "and not after it"], opening(SESSION), "payment_expired", { at: SESSION.validBefore + 1 }),
  no(
    "open",
    "none",
    ["valid-too-long", "nor what can be opened for longer than a payment is valid"],
    opening(sessionOf({ validBefore: START + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + 1, expiresAt: START + 24 * HOUR })),
    "validity_too_long",
  ),
  no(
    "open",
    "none",
    ["no-funds", "one unit more than the payer has is refused"],
    opening(sessionOf({ deposit: units(251) })),
    "insufficient_funds",
  ),
  no("open", "none", ["full", "a payee's shard that takes no more"], opening(SESSION), "overloaded", {
    given: fill,
    apart: true,
    isForged: true,
  }),
  no("open", "none", ["panic", "what the payer signed before it revoked everything"], opening(SESSION), "payment_revoked", {
    given: revoke("*"),
  }),
  opens(["after-panic", "what it signed later is opened"], sessionOf({ validAfter: START + 1 }), { at: START + 1, given: revoke("*") }),
  opens(["mandate", "within a mandate the deposit counts"], under(120)),
  no("open", "none", ["mandate-revoked", "a mandate that was revoked"], opening(under(100)), "mandate_revoked", {
    given: revoke(SESSION_MANDATE.digest),
  }),
  no("open", "none", ["mandate-panic", "or with all of its payer's"], opening(under(100)), "mandate_revoked", { given: revoke("*") }),
  no(
    "open",
    "none",
    ["mandate-older-than-panic", "a session that was signed before the panic, under a mandate of after it"],
    opening(under(100, { mandate: { ...SESSION_MANDATE, grantedAt: START + 1 } })),
    "payment_revoked",
    { given: revoke("*"), at: START + 1 },
  ),
  no(
    "open",
    "none",
    ["mandate-expired", "a mandate that is over"],
    opening(under(100, { validAfter: SESSION_MANDATE.validBefore + 1, validBefore: SESSION_MANDATE.validBefore + 1 })),
    "mandate_expired",
    { at: SESSION_MANDATE.validBefore + 1 },
  ),
  no("open", "none", ["mandate-total", "more than its total"], opening(under(201)), "mandate_exceeded", {
    more: { limit: "total" },
    said: " (`total`)",
  }),
  no("open", "none", ["mandate-period", "more than its period's amount"], opening(under(151)), "mandate_exceeded", {
    more: { limit: "period", renewsAt: START + HOUR },
    said: " (`period`)",
  }),
  no("open", "none", ["mandate-deposit", "more than its sessions may hold together"], opening(under(121)), "mandate_exceeded", {
    more: { limit: "session" },
    said: " (`session`)",
  }),
  no("open", "none", ["mandate-deposits", "with those that are open"], opening(under(61)), "mandate_exceeded", {
    more: { limit: "session" },
    said: " (`session`)",
    given: ({ rules }) => void rules.openSession(under(60, { nonce: idOf(0xe1) }), START),
    after: "open 60 0",
  }),
  opens(["mandate-deposits-claimed", "what was claimed of them is not held any more"], under(80), {
    given: ({ rules }) => {
      const first = under(60, { nonce: idOf(0xe1) });
      rules.openSession(first, START);
      rules.claimSession(claimOf({ "0": 20 }, first), START);
    },
  }),
  no("open", "none", ["mandate-open", "more sessions than it allows at once"], opening(under(1)), "mandate_exceeded", {
    more: { limit: "session" },
    said: " (`session`)",
    given: ({ rules }) => [0xe1, 0xe2].forEach((nonce) => rules.openSession(under(1, { nonce: idOf(nonce) }), START)),
    after: "open 1 0",
  }),
  no("open", "none", ["mandate-no-funds", "limits come before funds"], opening(under(121)), "mandate_exceeded", {
    more: { limit: "session" },
    said: " (`session`)",
    given: spend(200),
  }),
  no("open", "none", ["payment-held", "a nonce that a payment holds"], opening(SESSION), "nonce_replayed", {
    given: ({ rules }) => void rules.reserve(reserveOf(PAYMENT, FIRST), START),
  }),
  no("open", "none", ["payment-settled", "or has paid with"], opening(SESSION), "nonce_replayed", {
    more: { transaction: txOf(PAYMENT) },
    said: " with the transaction",
    given: ({ rules }) => void rules.settle(settleOf(PAYMENT, FIRST), START),
  }),
  no("open", "none", ["payment-cancelled", "or that its payer revoked"], opening(SESSION), "payment_revoked", {
    given: ({ rules }) => void rules.cancel(ALICE, SESSION.nonce, START),
  }),
  opens(["payment-expired", "a hold that has expired leaves the nonce free"], sessionOf({ validBefore: END + 1 }), {
    at: END + 1,
    given: ({ rules }) => void rules.reserve(reserveOf(PAYMENT, FIRST, 1), START),
  }),
  cell(
    "open",
    "open-live",
    ["same-id", "the same session again is set aside once"],
    opening(SESSION),
    (at) => ({ ok: true, session: standingIn("open-live", at) }),
    ["the same session", AS_IT_WAS],
  ),
  ...ALL.slice(2).map((state) => no("open", state, ["same-id", "and not after its end"], opening(SESSION), "session_closed")),
  ...ALL.slice(1).map((state) =>
    cell(
      "open",
      state,
      ["other-id", "its nonce opens no other session"],
      opening(OTHER),
      () => refused("nonce_replayed", { session: SESSION.id }),
      ["`nonce_replayed` with the session", AS_IT_WAS],
    ),
  ),
];

// --- Claim -----------------------------------------------------------------------------------------

const claiming =
  (claim: LedgerClaim) =>
  ({ rules }: Stall, at: number) =>
    rules.claimSession(claim, at);

/** `taken`: of this claim; `claimed`: of the session afterwards. */
function paid(state: SessionState, fact: [string, string], claim: LedgerClaim, taken: number, options: Options = {}): SessionCell {
  const claimed = String(40 + taken);
  const answer = (at: number) => ({
    ok: true,
    payee: BOB,
    value: String(taken),
    transaction: claimTx(claim),
    session: standingIn(state, at, { claimed }),
  });
  const stored = `${STORED[state]?.split(" ")[0]} 100 ${claimed}`;
  return cell("claim", state, fact, claiming(claim), answer, ["the receipt", "claimed"], { after: stored, ...options });
}

const UP = claimOf({ "0": 50, [LANE]: 10 });
const MARKS = claimOf({ "0": 30 });
const BEYOND = claimOf({ "0": 91, [LANE]: 10 });

const CLAIM: SessionCell[] = [
  ...[UP, FIRST_CLAIM, BEYOND, FINAL].map((claim, i) =>
    no(
      "claim",
      "none",
      [["above", "at-marks", "beyond", "final"][i] ?? "", "no claim without a session"],
      claiming(claim),
      "session_unknown",
    ),
  ),
  ...TO_BE_CLAIMED.flatMap((state) => [
    paid(state, ["above", "what is above the marks is paid, and no more"], UP, 20),
    paid(state, ["some-above", "a lane at its mark moves nothing, a new one all of it"], claimOf({ "0": 20, ["2b".repeat(16)]: 7 }), 7),
    paid(state, ["last-unit", "up to the deposit's last unit"], claimOf({ "0": 90 }), 60),
    cell(
      "claim",
      state,
      ["same", "the same claim again moves nothing"],
      claiming(FIRST_CLAIM),
      (at) => ({ ok: true, payee: BOB, value: "40", transaction: claimTx(FIRST_CLAIM), session: standingIn(state, at) }),
      ["the earlier receipt", AS_IT_WAS],
    ),
    cell(
      "claim",
      state,
      ["at-marks", "another one at or below the marks neither"],
      claiming(MARKS),
      (at) => ({ ok: true, payee: BOB, value: "0", session: standingIn(state, at) }),
      ["the receipt over 0", AS_IT_WAS],
    ),
    no("claim", state, ["beyond", "one unit more than the deposit moves nothing at all"], claiming(BEYOND), "session_exhausted"),
    no(
      "claim",
      state,
      ["beyond-together", "nor do two lanes that are too much together"],
      claiming(claimOf({ "0": 60, [LANE]: 41 })),
      "session_exhausted",
    ),
    cell(
      "claim",
      state,
      ["final", "the final claim gives the rest back"],
      claiming(FINAL),
      (at) => ({ ok: true, payee: BOB, value: "0", session: standingIn(state, at, { status: "closed", closesAt: at }) }),
      ["the receipt over 0", "closed"],
    ),
  ]),
  ...ENDED.flatMap((state) => [
    no("claim", state, ["above", "after the end nothing is paid"], claiming(UP), "session_closed"),
    cell(
      "claim",
      state,
      ["same", "a claim that was paid has its receipt for ever"],
      claiming(FIRST_CLAIM),
      (at) => ({ ok: true, payee: BOB, value: "40", transaction: claimTx(FIRST_CLAIM), session: standingIn(state, at) }),
      ["the earlier receipt", state.endsWith("dead") ? "closed" : AS_IT_WAS],
    ),
    cell(
      "claim",
      state,
      ["at-marks", "another one at or below the marks moves nothing, as ever"],
      claiming(MARKS),
      (at) => ({ ok: true, payee: BOB, value: "0", session: standingIn(state, at) }),
      ["the receipt over 0", state.endsWith("dead") ? "closed" : AS_IT_WAS],
    ),
    no("claim", state, ["beyond", "not even what is too much"], claiming(BEYOND), "session_closed"),
  ]),
  ...(["open-dead", "closing-dead"] as const).map((state) =>
    no("claim", state, ["final", "and there is nothing to give back"], claiming(FINAL), "session_closed"),
  ),
  cell(
    "claim",
    "closed",
    ["final", "the final claim again closes nothing twice"],
    claiming(FINAL),
    (at) => ({ ok: true, payee: BOB, value: "0", session: standingIn("closed", at) }),
    ["the receipt over 0", AS_IT_WAS],
  ),
  no(
    "claim",
    "closed",
    ["other-final", "and another one closes nothing"],
    claiming({ ...FINAL, claimDigest: idOf(0xf) }),
    "session_closed",
  ),
  paid("open-live", ["full", "a full shard refuses no claim: the goods are gone"], UP, 20, { given: fill, apart: true, isForged: true }),
  no(
    "claim",
    "open-live",
    ["lanes", "more lanes than a session can have"],
    claiming(claimOf({ ["2b".repeat(16)]: 1 })),
    "session_exhausted",
    {
      given: ({ store }) => void store.sql("UPDATE session SET lanes = ?", MAX_SESSION_LANES),
      isForged: true,
    },
  ),
  cell(
    "claim",
    "open-live",
    ["revoked", "after its payer has revoked everything, what was served is paid"],
    claiming(UP),
    (at) => {
      const closing = { status: "closing", claimed: "60", closesAt: START + 1 + DELAY, withdrawRequestedAt: START + 1 };
      return { ok: true, payee: BOB, value: "20", transaction: claimTx(UP), session: standingIn("open-live", at, closing) };
    },
    ["the receipt", "claimed"],
    { at: START + 1 + DELAY, after: "closing 100 60", given: revoke("*", START + 1) },
  ),
];

// --- Withdraw, revoke, cancel ----------------------------------------------------------------------

const withdrawing = ({ rules }: Stall, at: number) => rules.withdrawSession(SESSION, at);
const cancelling = ({ rules }: Stall, at: number) => rules.cancel(ALICE, SESSION.nonce, at);
const revoking = ({ rules }: Stall, at: number) => rules.revoke({ payer: ALICE, mandate: "*", revokedAt: START }, at);

/** The end that the session has, when its payer wants the rest back now. */
function endIn(state: SessionState, at: number): number {
  if (state === "open-live" || state === "open-late") return Math.min(DEAD_LINE, at + DELAY);
  return state === "closed" ? CLOSED_AT : state.startsWith("closing") ? CLOSES_AT : DEAD_LINE;
}

/** The states of which this is a fact, with the time of each: the end of a live one is not its own. */
const WITHDRAWN: readonly [SessionState, string, string, number][] = [
  ["open-live", "the payee has its delay from now on", "closing", START + 100],
  ["open-late", "it ends when it would have ended", "closing, its end unchanged", LATE],
  ["open-dead", "it is over", "closed", TIMES["open-dead"]],
  ["closing-in-time", "a second request gives no more time, and takes none", AS_IT_WAS, TIMES["closing-in-time"]],
  ["closing-dead", "it is over", "closed", TIMES["closing-dead"]],
  ["closed", "it is over", AS_IT_WAS, TIMES.closed],
];

function after(state: SessionState): string | undefined {
  if (state.endsWith("dead")) return CLOSED;
  return state.startsWith("open") ? "closing 100 40" : STORED[state];
}

function askedBack(state: SessionState, at: number): Record<string, unknown> {
  const closing = state === "open-live" || state === "open-late";
  const changes = closing && { status: "closing", closesAt: endIn(state, at), withdrawRequestedAt: at };
  return standingIn(state, at, { ...changes });
}

const WITHDRAW: SessionCell[] = [
  no("withdraw", "none", ["payer", "there is nothing to give back"], withdrawing, "session_unknown"),
  ...WITHDRAWN.map(([state, fact, then, at]) =>
    cell("withdraw", state, ["payer", fact], withdrawing, () => ({ ok: true, session: askedBack(state, at) }), ["ok", then], {
      at,
      after: after(state),
    }),
  ),
  ...WITHDRAWN.map(([state, fact, then, at]) => {
    const underWay = state.endsWith("dead") || state === "closed" ? {} : { sessions: 1, value: "60", until: endIn(state, at) };
    const answer = { ok: true, revokedAt: START, underWay: { payments: 0, value: "0", ...underWay } };
    // What is dead, the alarm ends: a revocation has nothing to add.
    const isDead = state.endsWith("dead");
    return cell("revoke", state, ["everything", fact], revoking, () => answer, ["ok", isDead ? AS_IT_WAS : then], {
      at,
      after: isDead ? STORED[state] : after(state),
    });
  }),
  cell(
    "revoke",
    "open-live",
    ["older", "a panic of before it was signed touches nothing"],
    ({ rules }, at) => rules.revoke({ payer: ALICE, mandate: "*", revokedAt: START - 1 }, at),
    () => ({ ok: true, revokedAt: START - 1, underWay: { payments: 0, value: "0" } }),
    ["ok", AS_IT_WAS],
  ),
  ...WITHDRAWN.map(([state, fact, then, at]) => {
    const over = state.endsWith("dead") || state === "closed";
    const answer = over ? refused("nonce_replayed", { session: SESSION.id }) : { ok: true, closesAt: endIn(state, at) };
    const word = over ? "`nonce_replayed` with the session" : "ok, with its end";
    return cell("cancel", state, ["payer", fact], cancelling, () => answer, [word, then], { at, after: after(state) });
  }),
];

// --- The nonce, the alarm, the status --------------------------------------------------------------

const used = refused("nonce_replayed", { session: SESSION.id });
/** Another payment with the session's nonce, that is valid in every state. */
function payment(at: number): LedgerPayment {
  return paymentOf({ nonce: SESSION.nonce, validAfter: at, validBefore: at + 60 });
}
const NONCE: SessionCell[] = ALL.slice(1).flatMap((state) => [
  cell(
    "nonce",
    state,
    ["reserve", "its nonce reserves nothing"],
    ({ rules }, at) => rules.reserve(reserveOf(payment(at), FIRST), at),
    () => used,
    ["`nonce_replayed` with the session", AS_IT_WAS],
  ),
  cell(
    "nonce",
    state,
    ["settle", "and pays nothing"],
    ({ rules }, at) => rules.settle(settleOf(payment(at), FIRST), at),
    () => used,
    ["`nonce_replayed` with the session", AS_IT_WAS],
  ),
  cell(
    "nonce",
    state,
    ["capture", "nothing is captured with it"],
    ({ rules }, at) => rules.capture(captureOf(payment(at), FIRST), at),
    () => refused("reservation_lost"),
    ["`reservation_lost`", AS_IT_WAS],
  ),
  cell(
    "nonce",
    state,
    ["release", "nor released"],
    ({ rules }, at) => rules.release(reservationOf(payment(at), SECOND), at),
    () => refused("reservation_lost"),
    ["`reservation_lost`", AS_IT_WAS],
  ),
  cell(
    "nonce",
    state,
    ["status", "its status names the session"],
    ({ rules }, at) => rules.status(ALICE, SESSION.nonce, END, at),
    () => ({ status: "session", session: SESSION.id }),
    ["`session`, with its id", AS_IT_WAS],
  ),
]);

const ringing = ({ rules }: Stall, at: number) => rules.runMaintenance(at);
const KEPT = DEAD_LINE + FORGET_SECONDS;
const ALARM: SessionCell[] = [
  ...(["open-live", "open-late", "closing-in-time"] as const).map((state) =>
    cell("alarm", state, ["rings", "the alarm rings when it is dead"], ringing, () => (standingIn(state, 0)["closesAt"] as number) + 1, [
      "after its end",
      AS_IT_WAS,
    ]),
  ),
  ...(["open-dead", "closing-dead"] as const).map((state) =>
    cell("alarm", state, ["rings", "and gives the rest back"], ringing, (at) => at + SWEEP_INTERVAL_SECONDS, ["in an hour", "closed"]),
  ),
  cell(
    "alarm",
    "closed",
    ["in-retention", "a closed one is kept for the retention"],
    ringing,
    (at) => at + SWEEP_INTERVAL_SECONDS,
    ["in an hour", AS_IT_WAS],
    {
      at: KEPT,
      given: ({ rules }) => void rules.runMaintenance(KEPT),
    },
  ),
  cell(
    "alarm",
    "closed",
    ["after-retention", "then it is forgotten, with its lanes, its claims and its nonce"],
    ringing,
    () => undefined,
    ["never, when nothing is left", "forgotten"],
    {
      at: KEPT + 1,
      after: undefined,
    },
  ),
];

const asking = ({ rules }: Stall, at: number) => rules.sessionOf(SESSION, at);
const PAID = [{ claim: FIRST_CLAIM.claimDigest, transaction: claimTx(FIRST_CLAIM), entry: 2, value: "40", at: START + 1 }];
const LANES = [
  { lane: "0", claimed: "30" },
  { lane: LANE, claimed: "10" },
];
const STATUS: SessionCell[] = [
  cell("status", "none", ["any-time", "there is no such session"], asking, (at) => ({ status: "unknown", at }), ["`unknown`", AS_IT_WAS]),
  ...ALL.slice(1).map((state) => {
    const { status } = standingIn(state, 0);
    const told = (at: number) => ({
      ...standingIn(state, at),
      config: SESSION.config,
      lanes: LANES,
      laneCount: 2,
      claims: PAID,
      claimCount: 1,
    });
    const then = state.endsWith("dead") ? "closed" : AS_IT_WAS;
    return cell("status", state, ["any-time", "sums, ends, lanes and claims are told"], asking, told, [
      `\`${String(status)}\`, with its sums`,
      then,
    ]);
  }),
  cell(
    "status",
    "closed",
    ["after-retention", "what is forgotten is unknown"],
    asking,
    (at) => ({ status: "unknown", at }),
    ["`unknown`", "forgotten"],
    {
      at: KEPT + 1,
      given: ({ rules }) => void rules.runMaintenance(KEPT + 1),
      after: undefined,
    },
  ),
];

export const SESSION_CELLS: readonly SessionCell[] = [...OPEN, ...CLAIM, ...WITHDRAW, ...NONCE, ...ALARM, ...STATUS];
