/** Faults of sessions, one at a time, for the model to find. */

import type { Mutant } from "./mutants.ts";

export const SESSION_MUTANTS: readonly Mutant[] = [
  // --- Claims
  {
    fault: "a lower claim lowers the mark",
    file: "session-table",
    find: "return this.#pay(row, { ...claim, lanes: above }, value, fresh, now);",
    replace: "return this.#pay(row, claim, value, fresh, now);",
  },
  {
    fault: "one unit more than the deposit can be claimed",
    file: "session-table",
    find: "value > restOf(row) ||",
    replace: "value > restOf(row) + 1n ||",
  },
  {
    fault: "the last unit of the deposit cannot be claimed",
    file: "session-table",
    find: "value > restOf(row) ||",
    replace: "value >= restOf(row) ||",
  },
  {
    fault: "each lane is compared with the deposit alone",
    file: "session-table",
    find: "value > restOf(row) ||",
    replace: "above.some(({ amount }) => BigInt(amount) > BigInt(row.deposit)) ||",
  },
  {
    fault: "a lane pays all of its amount again",
    file: "session-table",
    find: "sum + BigInt(amount) - (marks.get(lane) ?? 0n), 0n);",
    replace: "sum + BigInt(amount), 0n);",
  },
  {
    fault: "a voucher of one lane counts in another",
    file: "sessions",
    find: "return new Map(found.map(({ lane, claimed }) => [lane, BigInt(claimed)]));",
    replace: "const [first] = found; return new Map(first ? lanes.map(({ lane }) => [lane, BigInt(first.claimed)]) : []);",
  },
  {
    fault: "what is at its mark is paid once more",
    file: "session-table",
    find: "BigInt(amount) > (marks.get(lane) ?? 0n));",
    replace: "BigInt(amount) >= (marks.get(lane) ?? 0n));",
  },
  {
    fault: "a claim that was paid is paid again",
    file: "session-table",
    find: "if (paid) return receipt(row, paid, now);",
    replace: "if (paid && row.state === 'closed') return receipt(row, paid, now);",
  },
  {
    fault: "a claim is paid without its session's sum going up",
    file: "sessions",
    find: "const claimed = (BigInt(row.claimed) + BigInt(value)).toString();",
    replace: "const claimed = row.claimed;",
  },
  {
    fault: "a claim leaves the deposit set aside",
    file: "session-table",
    find: "this.#exchange.move(claimed(from, -value), payee,",
    replace: "this.#exchange.move(from, payee,",
  },
  {
    fault: "the journal does not say which session was claimed",
    file: "session-table",
    find: "      session: id,\n      at: now,\n    });",
    replace: "      at: now,\n    });",
  },
  // --- Ends
  {
    fault: "a dead session claims",
    file: "session-table",
    find: "now <= row.ends_at ? row : this.#end",
    replace: "now <= row.ends_at + 1 ? row : this.#end",
  },
  {
    fault: "a session is dead in its last second",
    file: "session-table",
    find: "now <= row.ends_at ? row : this.#end",
    replace: "now < row.ends_at ? row : this.#end",
  },
  {
    fault: "closing closes at once",
    file: "sessions",
    find: "return Math.min(claim_deadline, requestedAt + withdraw_delay);",
    replace: "return requestedAt;",
  },
  {
    fault: "closing gives a session more time than it had",
    file: "sessions",
    find: "ends_at = min(claim_deadline, ? + withdraw_delay)",
    replace: "ends_at = ? + withdraw_delay",
  },
  {
    fault: "a second request begins the delay again",
    file: "sessions",
    find: 'if (row.state !== "open") return row;',
    replace: 'if (row.state === "closed") return row;',
  },
  {
    fault: "a late session opens again",
    file: "session-table",
    find: 'return state === "open" && now <= expires_at;',
    replace: 'return state === "open";',
  },
  {
    fault: "a closing session opens again",
    file: "session-table",
    find: 'return state === "open" && now <= expires_at;',
    replace: "return now <= expires_at;",
  },
  {
    fault: "a closed session is claimed",
    file: "session-table",
    find: 'if (row.state === "closed") return this.#final(refusal("session_closed"));\n    const value',
    replace: "const value",
  },
  {
    fault: "the rest is not given back",
    file: "session-table",
    find: "if (rest > 0n) this.#accounts.hold(this.#accounts.read(row.payer), -rest);",
    replace: "",
  },
  {
    fault: "the whole deposit is given back",
    file: "sessions",
    find: 'return state === "closed" ? 0n : BigInt(deposit) - BigInt(claimed);',
    replace: 'return state === "closed" ? 0n : BigInt(deposit) - BigInt(claimed) * 0n;',
  },
  {
    fault: "the rest is given back twice",
    file: "session-table",
    find: 'if (row.state !== "closed") return receipt(this.#end(row, now, claimDigest), undefined, now);',
    replace: 'if (row.final_claim !== claimDigest) return receipt(this.#end({ ...row, state: "open" }, now, claimDigest), undefined, now);',
  },
  {
    fault: "any final claim is taken for the one that closed it",
    file: "session-table",
    find: "return row.final_claim === claimDigest ?",
    replace: "return row.final_claim !== null ?",
  },
  {
    fault: "a withdrawal frees the rest at once",
    file: "session-table",
    find: "standing(this.#sessions.beginClosing(this.#current(known, now), signedBy), now) };",
    replace: "standing(this.#end(this.#current(known, now), now, null), now) };",
  },
  {
    fault: "the alarm ends nothing",
    file: "session-table",
    find: "for (const row of dead) this.#end(row, row.ends_at, null);",
    replace: "",
  },
  {
    fault: "the alarm ends sessions a second early",
    file: "sessions",
    find: "WHERE state <> 'closed' AND ends_at < ? ORDER BY ends_at",
    replace: "WHERE state <> 'closed' AND ends_at <= ? ORDER BY ends_at",
  },
  {
    fault: "the alarm does not ring for a session's end",
    file: "session-table",
    find: "next: this.#sessions.nextEnd() + 1 };",
    replace: "next: Infinity };",
  },
  {
    fault: "a closed session is forgotten when it is closed",
    file: "sessions",
    find: "WHERE state = 'closed' AND claim_deadline < ? ORDER BY",
    replace: "WHERE state = 'closed' AND ends_at - 999999 < ? ORDER BY",
  },
  {
    fault: "a forgotten session leaves its nonce used",
    file: "sessions",
    find: '      this.#store.sql("DELETE FROM payment WHERE payer = ? AND nonce = ?", payer, nonce);\n',
    replace: "",
  },
  {
    fault: "a forgotten session leaves its lanes",
    file: "sessions",
    find: '      this.#store.sql("DELETE FROM session_lane WHERE payer = ? AND session = ?", payer, id);\n',
    replace: "",
  },
  {
    fault: "a shard that was away takes the time from its sessions",
    file: "rules",
    find: "if (away > 0) this.#sessions.prolong(away);",
    replace: "",
  },
  {
    fault: "every restart makes sessions longer",
    file: "rules",
    find: "this.#justOpened && this.#forgets && away > AWAY_SECONDS ?",
    replace: "this.#justOpened && this.#forgets && away > 0 ?",
  },
  {
    fault: "a clock that jumps makes sessions longer",
    file: "rules",
    find: "this.#justOpened && this.#forgets && away > AWAY_SECONDS ?",
    replace: "this.#forgets && away > AWAY_SECONDS ?",
  },
  // --- Opening, and the nonce
  {
    fault: "a deposit is not set aside",
    file: "session-table",
    find: "this.#accounts.hold(this.#accounts.read(session.payer), BigInt(session.deposit));",
    replace: "",
  },
  {
    fault: "money that a payment holds is set aside once more",
    file: "session-table",
    find: "const funds = available(this.#accounts.read(payer)) +",
    replace: "const funds = BigInt(this.#accounts.read(payer).balance) +",
  },
  {
    fault: "the same session is set aside twice",
    file: "session-table",
    find: 'if (nonce?.state === "session" && nonce.session === session.id) return this.#openAgain(session, now);',
    replace: "",
  },
  {
    fault: "the nonce of a session pays as a payment",
    file: "payments",
    find: "SELECT * FROM payment WHERE payer = ? AND nonce = ?",
    replace: "SELECT * FROM payment WHERE payer = ? AND nonce = ? AND session IS NULL",
  },
  {
    fault: "a session opens with the nonce of a payment",
    file: "session-table",
    find: "const refused = nonce ? takenNonce(nonce) : this.#obstacle(session, now);",
    replace: "const refused = this.#obstacle(session, now);\n    if (nonce) this.#payments.delete(nonce);",
  },
  {
    fault: "another session opens with the nonce of a session",
    file: "session-table",
    find: "nonce.session === session.id) return this.#openAgain(session, now);",
    replace: "true) return this.#openAgain({ ...session, id: nonce.session }, now);",
  },
  {
    fault: "a nonce is given back while its session is closing",
    file: "payments",
    find: "const ofPayments = rows.filter(({ session }) => session === null);",
    replace: "const ofPayments = rows;",
  },
  {
    fault: "cancelling the nonce of a session does nothing",
    file: "state-table",
    find: 'if (row?.state === "session") return sessions.cancel({ payer, id: row.session }, now, signedBy) ?? over(row);',
    replace: 'if (row?.state === "session") return { ok: true };',
  },
  {
    fault: "a session that is over is cancelled",
    file: "session-table",
    find: 'return ended.session.status === "closed" ? undefined :',
    replace: "return",
  },
  // --- Mandates
  {
    fault: "counters forget sessions",
    file: "mandate-table",
    find: "    const window = this.claim(deposit, now);",
    replace: "    const window = null;",
  },
  {
    fault: "a deposit is not given back to its mandate",
    file: "session-table",
    find: "    this.#mandates.endSession(row, rest);\n",
    replace: "",
  },
  {
    fault: "a mandate is given back the whole deposit",
    file: "session-table",
    find: "this.#mandates.endSession(row, rest);",
    replace: "this.#mandates.endSession(row, BigInt(row.deposit));",
  },
  {
    fault: "a claim does not count as paid",
    file: "session-table",
    find: "    this.#mandates.paySession(row, value);\n",
    replace: "",
  },
  {
    fault: "the limit of all deposits is asked of each alone",
    file: "session-table",
    find: "(sum, other) => sum + restOf(other), BigInt(deposit));",
    replace: "(sum) => sum, BigInt(deposit));",
  },
  {
    fault: "what was claimed counts as set aside",
    file: "session-table",
    find: "(sum, other) => sum + restOf(other), BigInt(deposit));",
    replace: "(sum, other) => sum + BigInt(other.deposit), BigInt(deposit));",
  },
  {
    fault: "one session more than a mandate allows is opened",
    file: "session-table",
    find: "others.length + 1 > mandate.session.open;",
    replace: "others.length > mandate.session.open;",
  },
  {
    fault: "closed sessions count as open",
    file: "sessions",
    find: "\"SELECT * FROM session WHERE state <> 'closed' AND payer = ?\"",
    replace: '"SELECT * FROM session WHERE payer = ?"',
  },
  // --- Revocation
  {
    fault: "panic forgets sessions",
    file: "mandate-table",
    find: "      this.#sessions.beginClosingAll(payer, mandate, before, signedBy);\n",
    replace: "",
  },
  {
    fault: "an old panic closes new sessions",
    file: "sessions",
    find: 'this.#beginClosing("payer = ? AND valid_after <= ?", [payer, signedBy], requestedAt);',
    replace: 'this.#beginClosing("payer = ?", [payer], requestedAt);',
  },
  {
    fault: "panic spares the session of its own second",
    file: "sessions",
    find: '"payer = ? AND valid_after <= ?"',
    replace: '"payer = ? AND valid_after < ?"',
  },
  {
    fault: "panic closes the sessions of every payer",
    file: "sessions",
    find: '"payer = ? AND valid_after <= ?"',
    replace: '"payer <> ? AND valid_after <= ?"',
  },
  {
    fault: "a revoked mandate leaves its sessions open",
    file: "mandate-table",
    find: "    this.#sessions.beginClosingAll(payer, mandate, signedBy, signedBy);\n",
    replace: "",
  },
  {
    fault: "a revoked mandate closes all of its payer's sessions",
    file: "sessions",
    find: '"payer = ? AND mandate = ?", [payer, mandate]',
    replace: '"payer = ?", [payer]',
  },
  {
    fault: "a session of before the panic opens",
    file: "session-table",
    find: "const off = forbidden ?? offTime(session, now);",
    replace: 'const off = (forbidden === "payment_revoked" ? undefined : forbidden) ?? offTime(session, now);',
  },
  {
    fault: "a revocation does not count what sessions hold",
    file: "mandate-table",
    find: "const ends = [...payments, ...deposits];",
    replace: "const ends = payments;",
  },
];

/** Need more than one shard to show. */
export const SHARD_SESSION_MUTANTS: readonly Mutant[] = [
  {
    fault: "a claim never reaches the other shard",
    file: "exchange",
    find: "const about = { ...(refundOf && { refundOf }), ...(session && { session }) };\n    this.#outbox.append(",
    replace: "const about = {};\n    if (!session) this.#outbox.append(",
  },
  {
    fault: "a claim from another shard is credited twice",
    file: "exchange",
    find: "this.#accounts.credit(payee, payer, BigInt(value), { transaction, cause, ...about, at });",
    replace:
      "for (const _ of session ? [1, 2] : [1]) this.#accounts.credit(payee, payer, BigInt(value), { transaction, cause, ...about, at });",
  },
  {
    fault: "a claim pays a payee of another shard here",
    file: "exchange",
    find: "if (this.isHere(to)) return this.#accounts.transfer",
    replace: "if (this.isHere(to) || cause.session) return this.#accounts.transfer",
  },
];
