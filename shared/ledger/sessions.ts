/** The tables of sessions: the money that is set aside, what was claimed of it lane by lane, and each claim that was paid. */

import type { Digest } from "../crypto/digest.ts";
import { FORGET_SECONDS, MAX_CLAIMS_LISTED, MAX_CLAIMS_SEARCHED, MAX_LANES_LISTED, PRUNE_BATCH } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount, Charge } from "../protocol/amount.ts";
import type { LedgerClaim, LedgerSession, SessionCallName } from "../protocol/ledger-session.ts";
import { integer, nullable, oneOf, row, type RowOf, text } from "../row.ts";
import type { LedgerStore } from "./store.ts";

const SESSION = {
  payer: text<AccountId>(),
  id: text<Digest>(),
  nonce: text<Digest>(),
  config: text(),
  payee: text<AccountId>(),
  deposit: text<Amount>(),
  /** Atomic units that were paid to the payee. */
  claimed: text(),
  state: oneOf("open", "closing", "closed"),
  valid_after: integer(),
  /** The last second of vouchers. */
  expires_at: integer(),
  withdraw_delay: integer(),
  /** The last second in which anything is paid out of it, unless it is closed before. */
  claim_deadline: integer(),
  /** The same or, of one that is closing, an earlier one. Of a closed one: when it was closed. */
  ends_at: integer(),
  withdraw_requested_at: nullable(integer()),
  mandate: nullable(text<Digest>()),
  /** The mandate's period that its deposit counts in. */
  mandate_window: nullable(integer()),
  request_digest: nullable(text<Digest>()),
  lanes: integer(),
  claims: integer(),
  /** The digest of the claim that closed it. */
  final_claim: nullable(text<Digest>()),
};
export type SessionRow = RowOf<typeof SESSION>;
const sessionRow = row(SESSION);

const CLAIM = {
  payer: text<AccountId>(),
  session: text<Digest>(),
  /** 1, 2, 3 … in its session. */
  number: integer(),
  claim_digest: text<Digest>(),
  tx: text<Digest>(),
  /** The number of its debit in the payer's journal. */
  seq: integer(),
  value: text<Amount>(),
  at: integer(),
  /** JSON: the claim as it was signed. The ledger keeps it for evidence, and reads no more of it than which lane it paid how far. */
  signed: nullable(text()),
};
export type ClaimRow = RowOf<typeof CLAIM>;
const claimRow = row(CLAIM);

const laneRow = row({ lane: text(), claimed: text<Amount>() });
const markRow = row({ claimed: text<Amount>(), claim: integer() });
const sweptRow = row({ payer: text<AccountId>(), id: text<Digest>(), nonce: text<Digest>(), parts: integer() });
const countRow = row({ n: integer(), first: integer() });

/** A session's money that is neither claimed nor given back. */
export function restOf({ deposit, claimed, state }: Pick<SessionRow, "deposit" | "claimed" | "state">): bigint {
  return state === "closed" ? 0n : BigInt(deposit) - BigInt(claimed);
}

export class Sessions {
  readonly #store: LedgerStore;

  constructor(store: LedgerStore) {
    this.#store = store;
  }

  find(payer: AccountId, id: Digest): SessionRow | undefined {
    return this.#store.sql("SELECT * FROM session WHERE payer = ? AND id = ?", payer, id).map(sessionRow)[0];
  }

  /** @param window of its mandate; null without one */
  insert(session: LedgerSession, claimDeadline: number, window: number | null, now: number): SessionRow {
    const { payer, id, nonce, config, payee, deposit } = session;
    const row: SessionRow = {
      payer,
      id,
      nonce,
      config,
      payee,
      deposit,
      claimed: "0",
      state: "open",
      valid_after: session.validAfter,
      expires_at: session.expiresAt,
      withdraw_delay: session.withdrawDelay,
      claim_deadline: claimDeadline,
      ends_at: claimDeadline,
      withdraw_requested_at: null,
      mandate: session.mandate?.digest ?? null,
      mandate_window: window,
      request_digest: session.requestDigest ?? null,
      lanes: 0,
      claims: 0,
      final_claim: null,
    };
    this.#store.sql(
      `INSERT INTO session (payer, id, nonce, config, payee, signer, receiver, deposit, claimed, state, opened_at, valid_after, expires_at,
         withdraw_delay, claim_deadline, ends_at, mandate, mandate_window, request_digest, lanes, claims)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, '0', 'open', ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)`,
      payer,
      id,
      nonce,
      config,
      payee,
      session.signer,
      session.receiver,
      deposit,
      now,
      row.valid_after,
      row.expires_at,
      row.withdraw_delay,
      claimDeadline,
      claimDeadline,
      row.mandate,
      window,
      row.request_digest,
    );
    return row;
  }

  /** @param endsAt when it was closed */
  close(row: SessionRow, endsAt: number, finalClaim: Digest | null): SessionRow {
    this.#store.sql(
      "UPDATE session SET state = 'closed', ends_at = ?, final_claim = ? WHERE payer = ? AND id = ?",
      endsAt,
      finalClaim,
      row.payer,
      row.id,
    );
    return { ...row, state: "closed", ends_at: endsAt, final_claim: finalClaim };
  }

  /** An open session begins to close. A closing one keeps its end. @param requestedAt unix seconds */
  beginClosing(row: SessionRow, requestedAt: number): SessionRow {
    if (row.state !== "open") return row;
    this.#beginClosing("payer = ? AND id = ?", [row.payer, row.id], requestedAt);
    return { ...row, state: "closing", ends_at: endOf(row, requestedAt), withdraw_requested_at: requestedAt };
  }

  /** The payer's open sessions under this mandate or, as `*`, all that were signed by then, begin to close. Dead ones are the alarm's. */
  beginClosingAll(payer: AccountId, mandate: Digest | "*", signedBy: number, requestedAt: number): void {
    if (mandate === "*") this.#beginClosing("payer = ? AND valid_after <= ?", [payer, signedBy], requestedAt);
    else this.#beginClosing("payer = ? AND mandate = ?", [payer, mandate], requestedAt);
  }

  #beginClosing(which: string, values: (string | number)[], requestedAt: number): void {
    this.#store.sql(
      `UPDATE session SET state = 'closing', ends_at = min(claim_deadline, ? + withdraw_delay), withdraw_requested_at = ?
       WHERE state = 'open' AND ends_at >= ? AND ${which}`,
      requestedAt,
      requestedAt,
      requestedAt,
      ...values,
    );
  }

  /** Sessions that are not closed yet, under this mandate or, as `*`, all of the payer's. */
  notClosed(payer: AccountId, mandate: Digest | "*"): SessionRow[] {
    const all = "SELECT * FROM session WHERE state <> 'closed' AND payer = ?";
    const found = mandate === "*" ? this.#store.sql(all, payer) : this.#store.sql(`${all} AND mandate = ?`, payer, mandate);
    return found.map(sessionRow);
  }

  /** What was claimed of these lanes. A lane without a claim is not in it. */
  marks({ payer, id, lanes }: LedgerClaim): Map<string, bigint> {
    const found = this.#store
      .sql(
        `SELECT lane, claimed FROM session_lane WHERE payer = ? AND session = ? AND lane IN (SELECT value FROM json_each(?))`,
        payer,
        id,
        JSON.stringify(lanes.map(({ lane }) => lane)),
      )
      .map(laneRow);
    return new Map(found.map(({ lane, claimed }) => [lane, BigInt(claimed)]));
  }

  /** Records a claim that was paid: its lanes' marks and the session's sum go up. @param fresh how many of its lanes had none */
  pay(row: SessionRow, claim: ClaimRow, lanes: LedgerClaim["lanes"], fresh: number): SessionRow {
    const { payer, session, number, value } = claim;
    this.#store.sql(
      "INSERT INTO session_claim (payer, session, number, claim_digest, tx, seq, value, at, signed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      payer,
      session,
      number,
      claim.claim_digest,
      claim.tx,
      claim.seq,
      value,
      claim.at,
      claim.signed,
    );
    for (const { lane, amount } of lanes) {
      this.#store.sql(
        `INSERT INTO session_lane (payer, session, lane, claimed, claim) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (payer, session, lane) DO UPDATE SET claimed = excluded.claimed, claim = excluded.claim`,
        payer,
        session,
        lane,
        amount,
        number,
      );
    }
    const claimed = (BigInt(row.claimed) + BigInt(value)).toString();
    const paid = { ...row, claimed, lanes: row.lanes + fresh, claims: number };
    this.#store.sql(
      "UPDATE session SET claimed = ?, lanes = ?, claims = ? WHERE payer = ? AND id = ?",
      claimed,
      paid.lanes,
      number,
      payer,
      session,
    );
    return paid;
  }

  /** A claim that was paid. */
  findClaim(payer: AccountId, id: Digest, claimDigest: Digest): ClaimRow | undefined {
    return this.#store
      .sql("SELECT * FROM session_claim WHERE payer = ? AND session = ? AND claim_digest = ?", payer, id, claimDigest)
      .map(claimRow)[0];
  }

  /**
   * What was claimed of a lane, and the first claim that paid it up to `amount`. Of claims that an earlier version paid the last one
   * of the lane is known alone. Reads a bounded number of rows.
   */
  claimOfCall({ payer, id, lane, amount }: SessionCallName): { claimed: Charge; claim?: ClaimRow } {
    const [mark] = this.#store
      .sql("SELECT claimed, claim FROM session_lane WHERE payer = ? AND session = ? AND lane = ?", payer, id, lane)
      .map(markRow);
    if (!mark) return { claimed: "0" };
    if (BigInt(mark.claimed) < BigInt(amount)) return { claimed: mark.claimed };
    // Sums of up to 39 digits: the longer one is the larger one.
    const [claim] = this.#store
      .sql(
        `SELECT * FROM session_claim WHERE payer = ? AND session = ? AND number > ? AND number <= ? AND (number = ? OR EXISTS (
           SELECT 1 FROM json_each(signed, '$.claim.lanes') WHERE value ->> 'lane' = ?
             AND (length(value ->> 'amount'), value ->> 'amount') >= (?, ?)
         )) ORDER BY number LIMIT 1`,
        payer,
        id,
        mark.claim - MAX_CLAIMS_SEARCHED,
        mark.claim,
        mark.claim,
        lane,
        amount.length,
        amount,
      )
      .map(claimRow);
    return { claimed: mark.claimed, ...(claim && { claim }) };
  }

  /** The newest claims first. */
  claimsOf({ payer, id }: SessionRow, limit = MAX_CLAIMS_LISTED): ClaimRow[] {
    return this.#store
      .sql("SELECT * FROM session_claim WHERE payer = ? AND session = ? ORDER BY number DESC LIMIT ?", payer, id, limit)
      .map(claimRow);
  }

  lanesOf({ payer, id }: SessionRow, limit = MAX_LANES_LISTED): { lane: string; claimed: Amount }[] {
    return this.#store
      .sql("SELECT lane, claimed FROM session_lane WHERE payer = ? AND session = ? ORDER BY lane LIMIT ?", payer, id, limit)
      .map(laneRow);
  }

  /** Sessions past their last second for claims, in the order in which they ended. */
  dead(now: number, limit: number): SessionRow[] {
    return this.#store
      .sql("SELECT * FROM session WHERE state <> 'closed' AND ends_at < ? ORDER BY ends_at LIMIT ?", now, limit)
      .map(sessionRow);
  }

  /** Deletes a bounded batch of the closed ones that are past their retention, with what they claimed and the nonces that they used. */
  sweep(now: number): { unfinished: boolean; forgot: boolean } {
    const old = this.#store
      .sql(
        "SELECT payer, id, nonce, lanes + claims AS parts FROM session WHERE state = 'closed' AND claim_deadline < ? ORDER BY claim_deadline LIMIT ?",
        now - FORGET_SECONDS,
        PRUNE_BATCH,
      )
      .map(sweptRow);
    let rows = 0;
    for (const { payer, id, nonce, parts } of old) {
      rows += 2 + parts;
      if (rows > PRUNE_BATCH && rows > 2 + parts) return { unfinished: true, forgot: true };
      this.#store.sql("DELETE FROM session_lane WHERE payer = ? AND session = ?", payer, id);
      this.#store.sql("DELETE FROM session_claim WHERE payer = ? AND session = ?", payer, id);
      this.#store.sql("DELETE FROM payment WHERE payer = ? AND nonce = ?", payer, nonce);
      this.#store.sql("DELETE FROM session WHERE payer = ? AND id = ?", payer, id);
    }
    return { unfinished: old.length === PRUNE_BATCH, forgot: old.length > 0 };
  }

  /** How many are not closed, and the last second of the one that ends first; 0 if there is none. */
  pending(): { sessions: number; firstEnd: number } {
    const [found] = this.#store.sql("SELECT count(*) AS n, coalesce(min(ends_at), 0) AS first FROM session WHERE state <> 'closed'");
    const { n: sessions, first: firstEnd } = countRow(found ?? {});
    return { sessions, firstEnd };
  }

  /** Unix seconds of the end that comes first; Infinity if all are closed. */
  nextEnd(): number {
    const next = this.#store.sql("SELECT min(ends_at) AS next FROM session WHERE state <> 'closed'")[0]?.["next"];
    return typeof next === "number" ? next : Infinity;
  }

  /** No claim could be made for so many seconds: every end is that much later. */
  prolong(seconds: number): void {
    this.#store.sql(
      "UPDATE session SET claim_deadline = claim_deadline + ?, ends_at = ends_at + ? WHERE state <> 'closed'",
      seconds,
      seconds,
    );
  }

  /** For audits. */
  all(): SessionRow[] {
    return this.#store.sql("SELECT * FROM session ORDER BY payer, id").map(sessionRow);
  }
}

/** The end of a session whose payer wants the rest back since `requestedAt`. */
function endOf({ claim_deadline, withdraw_delay }: SessionRow, requestedAt: number): number {
  return Math.min(claim_deadline, requestedAt + withdraw_delay);
}
