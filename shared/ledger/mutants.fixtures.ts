/** Faults, one at a time, for the tests of the ledger to find: a test that no fault can break is worth nothing. */

export interface Mutant {
  fault: string;
  file: "rules" | "payments" | "accounts" | "faucet" | "inbox" | "outbox" | "exchange" | "delivery";
  /** Occurs exactly once in the file. */
  find: string;
  replace: string;
}

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "the last unit of a balance cannot be spent",
    file: "rules",
    find: "funds < BigInt(payment.value)",
    replace: "funds <= BigInt(payment.value)",
  },
  {
    fault: "one unit more than the balance can be claimed",
    file: "rules",
    find: "funds < BigInt(payment.value)",
    replace: "funds + 1n < BigInt(payment.value)",
  },
  {
    fault: "held money can be spent",
    file: "accounts",
    find: "return BigInt(balance) - BigInt(held);",
    replace: "return BigInt(balance) - BigInt(held) * 0n;",
  },
  {
    fault: "a payment is expired in its last second",
    file: "rules",
    find: "payment.validBefore < now",
    replace: "payment.validBefore <= now",
  },
  {
    fault: "an expired payment is taken for another second",
    file: "rules",
    find: "payment.validBefore < now",
    replace: "payment.validBefore + 1 < now",
  },
  {
    fault: "a payment is taken a second too early",
    file: "rules",
    find: "payment.validAfter > now + CLOCK_SKEW_SECONDS",
    replace: "payment.validAfter > now + CLOCK_SKEW_SECONDS + 1",
  },
  {
    fault: "a payment is taken that is valid for a second too long",
    file: "rules",
    find: "now + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS) return",
    replace: "now + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + 1) return",
  },
  {
    fault: "a hold can be captured a second after its dead line",
    file: "rules",
    find: "if (now > row.dead_line) {",
    replace: "if (now > row.dead_line + 1) {",
  },
  {
    fault: "a dead hold counts for another second",
    file: "rules",
    find: "now <= row.dead_line) return row;",
    replace: "now <= row.dead_line + 1) return row;",
  },
  { fault: "a hold has lapsed at its end", file: "rules", find: "return now <= row.held_until;", replace: "return now < row.held_until;" },
  {
    fault: "a hold lasts as long as its caller likes",
    file: "rules",
    find: "Math.min(hold.seconds, MAX_HOLD_SECONDS)",
    replace: "hold.seconds",
  },
  {
    fault: "another authorization with the nonce of a hold takes the hold over",
    file: "rules",
    find: 'if (row.authorization_digest !== payment.authorizationDigest) return refuse("nonce_replayed");',
    replace: "",
  },
  {
    fault: "another authorization is taken for the one that was settled",
    file: "rules",
    find: "row.holder === settlementId && row.authorization_digest === payment.authorizationDigest",
    replace: "row.holder === settlementId",
  },
  {
    fault: "another authorization is taken for the one that is held",
    file: "rules",
    find: "row.holder === hold.reservationId && row.authorization_digest === payment.authorizationDigest",
    replace: "row.holder === hold.reservationId",
  },
  {
    fault: "whoever settles a settled payment is told that he did",
    file: "rules",
    find: "row.holder === settlementId && ",
    replace: "",
  },
  {
    fault: "a stale id captures",
    file: "rules",
    find: 'if (!row || row.state === "cancelled" || row.holder !== reservationId)',
    replace: 'if (!row || row.state === "cancelled")',
  },
  {
    fault: "a stale id releases",
    file: "rules",
    find: 'if (row.state === "cancelled" || row.holder !== reservationId)',
    replace: 'if (row.state === "cancelled")',
  },
  {
    fault: "the wrong account is credited",
    file: "rules",
    find: "transfer(payer, payee, BigInt(value), cause)",
    replace: "transfer(payer, this.#born.treasury, BigInt(value), cause)",
  },
  {
    fault: "a hold is released twice",
    file: "rules",
    find: "this.#payments.markSettled(row);",
    replace:
      "this.#payments.markSettled(row); const account = this.#accounts.read(payer); if (account.held !== '0') this.#accounts.hold(account, -BigInt(row.value));",
  },
  {
    fault: "a captured hold stays on the balance",
    file: "rules",
    find: "claimed(this.#accounts.read(payer), -BigInt(row.value))",
    replace: "this.#accounts.read(payer)",
  },
  {
    fault: "a freed hold stays on the balance",
    file: "rules",
    find: "this.#accounts.hold(this.#accounts.read(row.payer), -BigInt(row.value));",
    replace: "",
  },
  { fault: "a payment is paid without being settled", file: "rules", find: "this.#payments.markSettled(row);", replace: "" },
  {
    fault: "a live hold can be cancelled",
    file: "rules",
    find: 'if (isLive(row, now)) return refuse("payment_in_progress");',
    replace: "",
  },
  {
    fault: "time runs back",
    file: "rules",
    find: "this.#now = Math.max(this.#now, clock);",
    replace: "this.#now = clock;",
  },
  {
    fault: "a restart forgets that a payment was called expired",
    file: "rules",
    find: '? this.#final({ status: "expired" })',
    replace: '? { status: "expired" }',
  },
  {
    fault: "a restart forgets that a claim was refused as expired",
    file: "rules",
    find: 'obstacle === "payment_expired" ? this.#final(refuse(obstacle)) : refuse(obstacle)',
    replace: "refuse(obstacle)",
  },
  {
    fault: "a lapsed hold makes a payment look too dear",
    file: "rules",
    find: 'row?.state === "held" ? BigInt(row.value) : 0n',
    replace: "0n",
  },
  {
    fault: "the faucet stops below its cap",
    file: "rules",
    find: "BigInt(value) > FAUCET_CAP_PER_ACCOUNT",
    replace: "BigInt(value) >= FAUCET_CAP_PER_ACCOUNT",
  },
  {
    fault: "the faucet's window never ends",
    file: "faucet",
    find: "account, now - FAUCET_WINDOW_SECONDS",
    replace: "account, 0 * (now - FAUCET_WINDOW_SECONDS)",
  },
  {
    fault: "all payments of a payer share one nonce",
    file: "payments",
    find: '"SELECT * FROM payment WHERE payer = ? AND nonce = ?", payer, nonce',
    replace: '"SELECT * FROM payment WHERE payer = ?", payer',
  },
  {
    fault: "settling one payment settles all of its payer's",
    file: "payments",
    find: `"UPDATE payment SET state = 'settled' WHERE payer = ? AND nonce = ?", payer, nonce`,
    replace: `"UPDATE payment SET state = 'settled' WHERE payer = ?", payer`,
  },
  {
    fault: "the alarm frees a hold in its last second",
    file: "payments",
    find: "AND dead_line < ? ORDER BY",
    replace: "AND dead_line <= ? ORDER BY",
  },
  {
    fault: "a payment is forgotten a second too early",
    file: "payments",
    find: "row.dead_line + FORGET_SECONDS < now",
    replace: "row.dead_line + FORGET_SECONDS <= now",
  },
  {
    fault: "the alarm forgets holds, and their money with them",
    file: "payments",
    find: 'if (row.state !== "held" && row.dead_line',
    replace: "if (row.dead_line - FORGET_SECONDS",
  },
  { fault: "nothing is ever forgotten", file: "payments", find: "< now) this.delete(row);", replace: "< 0) this.delete(row);" },
  {
    fault: "a credit is lost",
    file: "accounts",
    find: "[debitOf(from, to, value, about), credit]",
    replace: "[debitOf(from, to, value, about)]",
  },
  {
    fault: "a credit arrives twice",
    file: "accounts",
    find: "account: this.read(to), delta: value,",
    replace: "account: this.read(to), delta: 2n * value,",
  },
  {
    fault: "a grant of the faucet pays again once its payment is forgotten",
    file: "rules",
    find: "rememberGrant(this.#store, grantId, authorizationDigest);",
    replace: "",
  },
];

/** Faults between shards. The model of four shards finds them. */
export const SHARD_MUTANTS: readonly Mutant[] = [
  {
    fault: "the last credit that was applied is applied again",
    file: "inbox",
    find: "number <= applied.number",
    replace: "number < applied.number",
  },
  { fault: "credits that were applied are applied again", file: "inbox", find: "if (number <= applied.number) continue;", replace: "" },
  {
    fault: "the mark stays behind what was applied",
    file: "inbox",
    find: "      number,\n      reached,",
    replace: "      number - 1,\n      reached,",
  },
  {
    fault: "numbers start again when nothing waits",
    file: "outbox",
    find: 'typeof last === "number" ? last : this.#acknowledged(to).number',
    replace: 'typeof last === "number" ? last : 0',
  },
  {
    fault: "of several credits to one account only the first counts",
    file: "accounts",
    find: "credits.reduce((sum, { value }) => sum + BigInt(value), 0n)",
    replace: "BigInt(credits[0]?.value ?? 0)",
  },
  {
    fault: "money for another shard never leaves",
    file: "rules",
    find: "this.#exchange.owe({ payee, value, transaction });",
    replace: "",
  },
  {
    fault: "money for another shard's account is credited here",
    file: "rules",
    find: "if (this.#exchange.isHere(payee)) {",
    replace: "if (payee !== undefined) {",
  },
  {
    fault: "the money of a batch goes to its first payee",
    file: "exchange",
    find: "Map.groupBy(fresh, ({ payee }) => payee)",
    replace: "Map.groupBy(fresh, () => fresh[0].payee)",
  },
];

/** Faults that only show when a shard dies at the wrong moment. The simulation finds them. */
export const CRASH_MUTANTS: readonly Mutant[] = [
  {
    fault: "a batch is acknowledged before it is delivered",
    file: "delivery",
    find: "export async function deliver(",
    replace: deliverWith("(batch) => (sender.acknowledge(to, hoped(batch)), send(batch))"),
  },
  {
    fault: "a batch counts as delivered when its answer is lost",
    file: "delivery",
    find: "export async function deliver(",
    replace: deliverWith("(batch) => send(batch).catch(() => hoped(batch))"),
  },
  {
    fault: "the mark is advanced in a transaction of its own, before the credits",
    file: "exchange",
    find: "const accepted = this.#inbox.accept(batch);",
    replace: "const accepted = this.#inbox.accept(batch); this.#store.commit?.();",
  },
  {
    fault: "a credit is owed in a transaction of its own, after the debit",
    file: "rules",
    find: "this.#exchange.owe({ payee, value, transaction });",
    replace: "this.#store.commit?.(); this.#exchange.owe({ payee, value, transaction });",
  },
  {
    fault: "the last credit that was applied is applied again",
    file: "inbox",
    find: "number <= applied.number",
    replace: "number < applied.number",
  },
  {
    fault: "a credit more than was acknowledged is dropped",
    file: "outbox",
    find: '"DELETE FROM outbox WHERE to_shard = ? AND number <= ?", to, mark',
    replace: '"DELETE FROM outbox WHERE to_shard = ? AND number <= ?", to, mark + 1',
  },
];

/** A delivery that sends in another way. `hoped`: what a receiver that has a batch answers. */
function deliverWith(send: string): string {
  return `import { nextHead } from "./stream.ts";
const hoped = ({ after, head, credits }) => ({
  ok: true,
  mark: after + credits.length,
  head: credits.reduce((head, credit, i) => nextHead(head, after + i + 1, credit), head),
});
export const deliver = (sender, to, send) => honest(sender, to, ${send});
async function honest(`;
}
