/** Faults, one at a time, for the tests of the ledger to find: a test that no fault can break is worth nothing. */

export interface Mutant {
  fault: string;
  file:
    | "state-table"
    | "mandate-table"
    | "mandate-counters"
    | "mandates"
    | "clock"
    | "payments"
    | "accounts"
    | "faucet"
    | "inbox"
    | "outbox"
    | "exchange"
    | "refunds"
    | "refund-table"
    | "sessions"
    | "session-table"
    | "rules"
    | "pruning"
    | "delivery";
  /** Occurs exactly once in the file. */
  find: string;
  replace: string;
}

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "the last unit of a balance cannot be spent",
    file: "state-table",
    find: "funds < BigInt(payment.value)",
    replace: "funds <= BigInt(payment.value)",
  },
  {
    fault: "one unit more than the balance can be claimed",
    file: "state-table",
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
    file: "state-table",
    find: "validBefore < now",
    replace: "validBefore <= now",
  },
  {
    fault: "an expired payment is taken for another second",
    file: "state-table",
    find: "validBefore < now",
    replace: "validBefore + 1 < now",
  },
  {
    fault: "a payment is taken a second too early",
    file: "state-table",
    find: "validAfter > now + CLOCK_SKEW_SECONDS",
    replace: "validAfter > now + CLOCK_SKEW_SECONDS + 1",
  },
  {
    fault: "a payment is taken that is valid for a second too long",
    file: "state-table",
    find: "now + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS ?",
    replace: "now + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + 1 ?",
  },
  {
    fault: "a hold can be captured a second after its dead line",
    file: "state-table",
    find: "if (now > row.capture_deadline) {",
    replace: "if (now > row.capture_deadline + 1) {",
  },
  {
    fault: "a dead hold counts for another second",
    file: "state-table",
    find: "now <= row.capture_deadline) return row;",
    replace: "now <= row.capture_deadline + 1) return row;",
  },
  {
    fault: "a hold has lapsed at its end",
    file: "state-table",
    find: "return now <= row.held_until;",
    replace: "return now < row.held_until;",
  },
  {
    fault: "a hold lasts as long as its caller likes",
    file: "state-table",
    find: "Math.min(holdSeconds, MAX_HOLD_SECONDS)",
    replace: "holdSeconds",
  },
  {
    fault: "another authorization with the nonce of a hold takes the hold over",
    file: "state-table",
    find: 'if (row.authorization_digest !== payment.authorizationDigest) return refusal("nonce_replayed");',
    replace: "",
  },
  {
    fault: "another authorization is taken for the one that was settled",
    file: "state-table",
    find: "row.holder === settlementId && row.authorization_digest === payment.authorizationDigest",
    replace: "row.holder === settlementId",
  },
  {
    fault: "another authorization is taken for the one that is held",
    file: "state-table",
    find: "row.holder === reservationId && row.authorization_digest === payment.authorizationDigest",
    replace: "row.holder === reservationId",
  },
  {
    fault: "any caller who settles a settled payment is told that it settled it",
    file: "state-table",
    find: "row.holder === settlementId && ",
    replace: "",
  },
  {
    fault: "a stale id captures",
    file: "state-table",
    find: "if (!row || !isClaim(row) || row.holder !== reservationId)",
    replace: "if (!row || !isClaim(row))",
  },
  {
    fault: "a stale id releases",
    file: "state-table",
    find: "if (!isClaim(row) || row.holder !== reservationId)",
    replace: "if (!isClaim(row))",
  },
  {
    fault: "the wrong account is credited",
    file: "exchange",
    find: "transfer(from, to, value, cause)",
    replace: "transfer(from, this.#identity.treasury, value, cause)",
  },
  {
    fault: "a hold is released twice",
    file: "state-table",
    find: "this.#mandates.capture(row, charge);",
    replace:
      "this.#mandates.capture(row, charge); const account = this.#accounts.read(payer); if (account.held !== row.value) this.#accounts.hold(account, -BigInt(row.value));",
  },
  {
    fault: "a captured hold stays on the balance",
    file: "state-table",
    find: "claimed(payer, -held)",
    replace: "payer",
  },
  {
    fault: "a freed hold stays on the balance",
    file: "state-table",
    find: "this.#accounts.hold(this.#accounts.read(row.payer), -BigInt(row.value));",
    replace: "",
  },
  {
    fault: "a hold in the way of a claim is not freed",
    file: "state-table",
    find: ': obstacle;\n    if (row?.state === "held") this.#free(row);',
    replace: ": obstacle;",
  },
  {
    fault: "a payment is paid without being settled",
    file: "state-table",
    find: "this.#payments.markSettled(row, charge)",
    replace: '{ ...row, state: "settled", charged: charge }',
  },
  {
    fault: "a live hold can be cancelled",
    file: "state-table",
    find: 'if (row?.state === "held" && isLive(row, now)) return refusal("payment_in_progress");',
    replace: "",
  },
  {
    fault: "a payer who never had money makes the ledger store a cancelled nonce",
    file: "state-table",
    find: 'if (isUnknown(this.#accounts.read(payer))) return refusal("insufficient_funds");',
    replace: "",
  },
  {
    fault: "time runs back",
    file: "clock",
    find: "this.#now = Math.max(this.#now, machine);",
    replace: "this.#now = machine;",
  },
  {
    fault: "a restart forgets that a payment was called expired",
    file: "state-table",
    find: '? this.#final({ status: "expired" })',
    replace: '? { status: "expired" }',
  },
  {
    fault: "a restart forgets that a claim was refused as expired",
    file: "state-table",
    find: "NEVER.has(obstacle.code) ? this.#final(obstacle) : obstacle",
    replace: "obstacle",
  },
  {
    fault: "a lapsed hold makes a payment look too dear",
    file: "state-table",
    find: "BigInt(held?.value ?? 0)",
    replace: "0n",
  },
  {
    fault: "the faucet stops below its cap",
    file: "faucet",
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
    find: `charged = ? WHERE payer = ? AND nonce = ?", charged, row.payer, row.nonce`,
    replace: `charged = ? WHERE payer = ?", charged, row.payer`,
  },
  {
    fault: "the alarm frees a hold in its last second",
    file: "payments",
    find: "AND capture_deadline < ? ORDER BY",
    replace: "AND capture_deadline <= ? ORDER BY",
  },
  {
    fault: "a payment is forgotten a second too early",
    file: "payments",
    find: "row.capture_deadline + FORGET_SECONDS < now",
    replace: "row.capture_deadline + FORGET_SECONDS <= now",
  },
  {
    fault: "the alarm forgets holds, and their money with them",
    file: "payments",
    find: 'row.state !== "held" && row.capture_deadline',
    replace: "row.capture_deadline - FORGET_SECONDS",
  },
  { fault: "nothing is ever forgotten", file: "payments", find: "+ FORGET_SECONDS < now", replace: "+ FORGET_SECONDS < 0" },
  {
    fault: "a credit is lost",
    file: "accounts",
    find: ", creditFor(this.read(to), due)]",
    replace: "]",
  },
  {
    fault: "a credit arrives twice",
    file: "accounts",
    find: 'account, delta: BigInt(value), kind: "credit"',
    replace: 'account, delta: 2n * BigInt(value), kind: "credit"',
  },
  {
    fault: "a grant of the faucet pays again once its payment is forgotten",
    file: "faucet",
    find: "this.#remember(grantId, authorizationDigest);",
    replace: "",
  },
];

/** Faults in charging a part of what was signed. */
export const CHARGE_MUTANTS: readonly Mutant[] = [
  {
    fault: "a part of an exact payment can be charged",
    file: "state-table",
    find: 'if (scheme !== UPTO) return charge === value ? undefined : refusal("amount_mismatch");',
    replace: "",
  },
  {
    fault: "more than was signed can be charged",
    file: "state-table",
    find: "BigInt(charge) > BigInt(value)",
    replace: "false",
  },
  {
    fault: "an atom more than was signed can be charged",
    file: "state-table",
    find: "BigInt(charge) > BigInt(value)",
    replace: "BigInt(charge) > BigInt(value) + 1n",
  },
  {
    fault: "the whole of what was signed cannot be charged",
    file: "state-table",
    find: "BigInt(charge) > BigInt(value)",
    replace: "BigInt(charge) >= BigInt(value)",
  },
  {
    fault: "of a payment that was charged a part, the rest stays held",
    file: "state-table",
    find: "claimed(payer, -held)",
    replace: "claimed(payer, held === 0n ? 0n : -BigInt(charge))",
  },
  {
    fault: "the hold of a payment that was charged nothing stays",
    file: "state-table",
    find: "else if (held > 0n) this.#accounts.hold(payer, -held);",
    replace: "",
  },
  {
    fault: "a charge of nothing writes an entry",
    file: "state-table",
    find: 'if (charge !== "0")',
    replace: "if (charge !== undefined)",
  },
  {
    fault: "the maximum moves, and the receipt says the charge",
    file: "state-table",
    find: "this.#exchange.pay(row, charge, claimed",
    replace: "this.#exchange.pay(row, row.value, claimed",
  },
  {
    fault: "a second capture's value counts",
    file: "state-table",
    find: 'if (row.state === "settled") return settled(row);\n    if (now > row.capture_deadline) {',
    replace:
      'if (row.state === "settled") return settled({ ...row, charged: value ?? row.charged });\n    if (now > row.capture_deadline) {',
  },
  {
    fault: "what was charged is forgotten after a capture",
    file: "payments",
    find: "charged, row.payer, row.nonce",
    replace: "null, row.payer, row.nonce",
  },
  {
    fault: "a settlement that charges too much takes a hold over all the same",
    file: "state-table",
    find: "const refusal = this.#makeWay(row, payment, now, charge);\n    if (refusal) return refusal;",
    replace: "const refusal = this.#makeWay(row, payment, now) ?? wrongCharge(payment, charge);\n    if (refusal) return refusal;",
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
    file: "exchange",
    find: "this.#outbox.append(this.#home(to), {",
    replace: "void ({",
  },
  {
    fault: "money for another shard's account is credited here",
    file: "exchange",
    find: "if (this.isHere(to)) return",
    replace: "if (to !== undefined) return",
  },
  {
    fault: "the money of a batch goes to its first payee",
    file: "exchange",
    find: "Map.groupBy(fresh, ({ payee }) => payee)",
    replace: "Map.groupBy(fresh, () => fresh[0].payee)",
  },
];

/** Faults in what a group of events pays together. Histories in groups find them. */
export const GROUP_MUTANTS: readonly Mutant[] = [
  {
    fault: "a payee of a group is not paid",
    file: "accounts",
    find: "const due = [...(this.#due ?? [])];",
    replace: "const due = [...(this.#due ?? [])].slice(0, 1);",
  },
  {
    fault: "the last payment of a group is not paid",
    file: "accounts",
    find: "for (let i = 0; i < due.length; i += ENTRIES_PER_STATEMENT)",
    replace:
      "for (const [i, [to, all]] of due.entries()) due[i] = [to, all.slice(0, Math.max(1, all.length - 1))];\n    for (let i = 0; i < due.length; i += ENTRIES_PER_STATEMENT)",
  },
  {
    fault: "what was due to an account that was read is credited once more",
    file: "accounts",
    find: "this.#due?.delete(to);",
    replace: "",
  },
  {
    fault: "of an account that is read, other payees are forgotten",
    file: "accounts",
    find: "this.#due?.delete(to);",
    replace: "this.#due?.clear();",
  },
  {
    fault: "a payment takes the place of the one that is due before it",
    file: "accounts",
    find: "all.push(due);",
    replace: "all[0] = due;",
  },
  {
    fault: "an account is read without what is due to it",
    file: "accounts",
    find: "    this.#creditDue(id);\n    return this.#current(id);",
    replace: "    return this.#current(id);",
  },
  {
    fault: "the list of a batch misses its last payment",
    file: "accounts",
    find: "const transactions = credits.map(({ transaction }) => transaction);",
    replace: "const transactions = credits.slice(0, -1).map(({ transaction }) => transaction);",
  },
  {
    fault: "who paid is listed without the first",
    file: "accounts",
    find: "const known = paid.length === credits.length && { credits: paid };",
    replace: "const known = paid.length === credits.length && { credits: paid.slice(1) };",
  },
];

/** Faults in counting and revoking mandates. Histories of mandates find them. */
export const MANDATE_MUTANTS: readonly Mutant[] = [
  {
    fault: "the last unit of a mandate's total cannot be spent",
    file: "mandate-counters",
    find: "+ value > BigInt(total)",
    replace: "+ value >= BigInt(total)",
  },
  {
    fault: "the last unit of a period cannot be spent",
    file: "mandate-counters",
    find: "+ value > BigInt(period.amount)",
    replace: "+ value >= BigInt(period.amount)",
  },
  {
    fault: "a period allows a payment more",
    file: "mandate-counters",
    find: "counters.windowCount + 1 > period.count",
    replace: "counters.windowCount > period.count",
  },
  {
    fault: "held money does not count against the total",
    file: "mandate-counters",
    find: "counters.settled + counters.claimed + value",
    replace: "counters.settled + value",
  },
  {
    fault: "a period begins a second late",
    file: "mandate-counters",
    find: "(now - validAfter) / period.seconds",
    replace: "(now - validAfter - 1) / period.seconds",
  },
  {
    fault: "periods begin with the clock's days, not with the mandate",
    file: "mandate-counters",
    find: "(now - validAfter) / period.seconds",
    replace: "now / period.seconds",
  },
  {
    fault: "a later period does not begin at zero payments",
    file: "mandate-counters",
    find: "windowUsed: 0n, windowCount: 0 } : counters",
    replace: "windowUsed: 0n } : counters",
  },
  {
    fault: "a claim is given back to a period that it was not counted in",
    file: "mandate-counters",
    find: "if (window !== counters.window) return { ...counters, claimed: claimed - value };",
    replace: "if (windowUsed < value || windowCount === 0) return { ...counters, claimed: claimed - value };",
  },
  {
    fault: "a claim is not given back to its period",
    file: "mandate-counters",
    find: "if (window !== counters.window) return { ...counters, claimed: claimed - value };",
    replace: "return { ...counters, claimed: claimed - value };",
  },
  {
    fault: "a capture counts a second time",
    file: "mandate-counters",
    find: "settled: settled + charged,",
    replace: "settled: settled + charged, windowCount: counters.windowCount + 1,",
  },
  {
    fault: "a capture gives back what it spent",
    file: "mandate-table",
    find: "this.#change(row, (counters, claim) => withPayment(counters, claim, BigInt(charge)));",
    replace: "this.#change(row, withoutClaim);",
  },
  {
    fault: "a takeover is counted twice",
    file: "mandate-table",
    find: "replaced?.mandate === mandate.digest ? claimOf(replaced) : undefined",
    replace: "undefined",
  },
  { fault: "what is freed stays counted", file: "state-table", find: "    this.#mandates.free(row);\n", replace: "" },
  {
    fault: "a hold that has lapsed is captured though its mandate was revoked",
    file: "state-table",
    find: "if (!isLive(row, now) && this.#mandates.isRevoked(row)) {",
    replace: "if (false) {",
  },
  {
    fault: "a live hold is not captured when its mandate was revoked",
    file: "state-table",
    find: "if (!isLive(row, now) && this.#mandates.isRevoked(row)) {",
    replace: "if (this.#mandates.isRevoked(row)) {",
  },
  {
    fault: "a revoked mandate pays",
    file: "mandate-table",
    find: "mandate.grantedAt <= panic || known?.revokedAt !== undefined",
    replace: "mandate.grantedAt <= panic",
  },
  {
    fault: "a mandate outlives the revocation of everything",
    file: "mandate-table",
    find: "mandate.grantedAt <= panic || known?.revokedAt !== undefined",
    replace: "known?.revokedAt !== undefined",
  },
  {
    fault: "a mandate of the very second in which everything was revoked pays",
    file: "mandate-table",
    find: "mandate.grantedAt <= panic ||",
    replace: "mandate.grantedAt < panic ||",
  },
  {
    fault: "a payment without a mandate outlives the revocation of everything",
    file: "mandate-table",
    find: 'return validAfter <= panic ? "payment_revoked" : undefined;',
    replace: "return undefined;",
  },
  {
    fault: "an old revocation of everything takes a newer one back",
    file: "mandates",
    find: "before = max(before, excluded.before)",
    replace: "before = excluded.before",
  },
  {
    fault: "a revocation of everything may be dated ahead",
    file: "mandate-table",
    find: "if (revokedAt > signedBy + CLOCK_SKEW_SECONDS)",
    replace: "if (revokedAt > signedBy + 2 * CLOCK_SKEW_SECONDS)",
  },
  {
    fault: "a mandate that is dated ahead pays",
    file: "mandate-table",
    find: 'if (mandate.grantedAt > now + CLOCK_SKEW_SECONDS) return "mandate_mismatch";',
    replace: "",
  },
  {
    fault: "a mandate is over in its last second",
    file: "mandate-table",
    find: "now > mandate.validBefore",
    replace: "now >= mandate.validBefore",
  },
  {
    fault: "a mandate pays after its end, as long as the payment is valid",
    file: "mandate-table",
    find: 'return now > mandate.validBefore ? "mandate_expired" : undefined;',
    replace: "return undefined;",
  },
  {
    fault: "a restart forgets that a mandate was called expired",
    file: "state-table",
    find: '["payment_expired", "mandate_expired"]',
    replace: '["payment_expired"]',
  },
  {
    fault: "a restart takes the time back behind the end of a period",
    file: "mandate-table",
    find: "if (begun.window !== known?.counters.window) this.#clock.persist();",
    replace: "",
  },
  {
    fault: "a second revocation changes the time of the first",
    file: "mandate-table",
    find: "if (known?.revokedAt !== undefined) return",
    replace: "if (false) return",
  },
  {
    fault: "a reclaimable hold counts as under way after a revocation",
    file: "mandate-table",
    find: "until: mandate === null ? capture_deadline : held_until",
    replace: "until: capture_deadline",
  },
  {
    fault: "a mandate is forgotten a second too early",
    file: "mandates",
    find: "capture_deadline < ? LIMIT ?",
    replace: "capture_deadline <= ? LIMIT ?",
  },
  {
    fault: "a revocation is forgotten as if its mandate had ended today",
    file: "mandates",
    find: "end + AFTER_ITS_END, null",
    replace: "signedBy + AFTER_ITS_END, null",
  },
  {
    fault: "what was not charged stays counted in the total",
    file: "mandate-counters",
    find: "settled: settled + charged,",
    replace: "settled: settled + value,",
  },
  {
    fault: "what was not charged stays counted in the period",
    file: "mandate-counters",
    find: "const rest = window === counters.window ? value - charged : 0n;",
    replace: "const rest = 0n;",
  },
  {
    fault: "a payment that was charged nothing does not count in its period",
    file: "mandate-counters",
    find: "settled: settled + charged, windowUsed: windowUsed - rest };",
    replace: "settled: settled + charged, windowUsed: windowUsed - rest, windowCount: counters.windowCount - (charged === 0n ? 1 : 0) };",
  },
  {
    fault: "a ledger that stays open does not learn what a mandate has spent",
    file: "mandates",
    find: "this.#remember({ ...mandate, counters });",
    replace: "",
  },
  {
    fault: "a revoked mandate pays until the ledger is opened again",
    file: "mandates",
    find: "this.#remember({ ...mandate, revokedAt });",
    replace: "",
  },
  {
    fault: "a mandate is remembered when its row is deleted",
    file: "mandates",
    find: "this.#known.delete(keyOf(payer, digest));",
    replace: "",
  },
  {
    fault: "a debit does not name its mandate",
    file: "exchange",
    find: "...(row.mandate && { mandate: row.mandate }),",
    replace: "",
  },
];

/** What refunds must not do. refund-check.ts finds them. */
export const REFUND_MUTANTS: readonly Mutant[] = [
  {
    fault: "the sum is forgotten with the payment's row",
    file: "refunds",
    find: "return BigInt(this.newestOf(payee, transaction, 1)[0]?.sum ?? 0);",
    replace: `const [payment] = this.#store.sql("SELECT 1 FROM payment WHERE tx = ?", transaction);
    return payment ? BigInt(this.newestOf(payee, transaction, 1)[0]?.sum ?? 0) : 0n;`,
  },
  {
    fault: "a refund goes to whom the request names",
    file: "refund-table",
    find: "credit?.payer !== payer",
    replace: "credit === undefined",
  },
  { fault: "the id is not compared", file: "refund-table", find: "if (known) return", replace: "if (known && false) return" },
  {
    fault: "other terms under an id get the first receipt",
    file: "refund-table",
    find: "known.refund_digest === refund.refundDigest ?",
    replace: "true ?",
  },
  {
    fault: "the last unit cannot be refunded",
    file: "refund-table",
    find: "+ BigInt(amount) > BigInt(credit.value)",
    replace: "+ BigInt(amount) >= BigInt(credit.value)",
  },
  { fault: "only the first refund counts", file: "refunds", find: "ORDER BY seq DESC LIMIT", replace: "ORDER BY seq LIMIT" },
  {
    fault: "each refund is compared alone",
    file: "refund-table",
    find: "this.#refunds.sumOf(payee, transaction) + BigInt(amount) > BigInt(credit.value)",
    replace: "BigInt(amount) > BigInt(credit.value)",
  },
  {
    fault: "refunds of all payments add up",
    file: "refunds",
    find: "WHERE payee = ? AND refund_of = ? ORDER",
    replace: "WHERE payee = ? AND refund_of >= substr(?, 1, 0) ORDER",
  },
  { fault: "a refund or a transfer is refunded", file: "refund-table", find: "if (cause !== undefined) return undefined;", replace: "" },
  {
    fault: "what the payee paid is refunded",
    file: "refund-table",
    find: 'if (kind === "credit") return',
    replace: 'if (kind === "credit" || kind === "debit") return',
  },
  {
    fault: "a refund takes another payment of the entry",
    file: "refund-table",
    find: "entry.transaction === transaction && payer ?",
    replace: "payer ?",
  },
  {
    fault: "a payment expires with the refund's time",
    file: "refund-table",
    find: "now > Number(entry.at) + REFUND_SECONDS",
    replace: "now > issuedAt + REFUND_SECONDS",
  },
  {
    fault: "a payment can be refunded for a second more",
    file: "refund-table",
    find: "now > Number(entry.at) + REFUND_SECONDS",
    replace: "now > Number(entry.at) + REFUND_SECONDS + 1",
  },
  {
    fault: "a payment is too old in the last second",
    file: "refund-table",
    find: "now > Number(entry.at) + REFUND_SECONDS",
    replace: "now >= Number(entry.at) + REFUND_SECONDS",
  },
  { fault: "a refund may be signed at any time", file: "refund-table", find: "issuedAt < now - REFUND_ISSUED_SECONDS", replace: "false" },
  {
    fault: "money that is not there goes back",
    file: "refund-table",
    find: "available(this.#accounts.read(payee)) < BigInt(amount)",
    replace: "available(this.#accounts.read(payee)) + 1n < BigInt(amount)",
  },
  {
    fault: "the payee's last unit stays",
    file: "refund-table",
    find: "available(this.#accounts.read(payee)) < BigInt(amount)",
    replace: "available(this.#accounts.read(payee)) <= BigInt(amount)",
  },
  { fault: "no limit of a mandate holds for refunds", file: "refund-table", find: "if (exceeded) return exceeded;", replace: "" },
  { fault: "a revoked mandate refunds", file: "refund-table", find: "if (forbidden) return refusal(forbidden);", replace: "" },
  {
    fault: "a mandate does not count refunds",
    file: "refund-table",
    find: "mandate_window: this.#mandates.spend(claimOf(refund), amount, now),",
    replace: "mandate_window: mandate ? 0 : null,",
  },
  {
    fault: "a refund is forgotten while its payment can be refunded",
    file: "pruning",
    find: "forgetRefunds(this.#store, account, last.seq, now);",
    replace: 'this.#store.sql("DELETE FROM refund WHERE payee = ? AND entry <= ?", account, last.seq + 1);',
  },
  {
    fault: "a refund is forgotten with its debit, however young",
    file: "refunds",
    find: "AND seq <= ? AND at < ?",
    replace: "AND seq <= ? AND at < ? + 1e9",
  },
];

/** The same between shards. */
export const SHARD_REFUND_MUTANTS: readonly Mutant[] = [
  {
    fault: "of a batch the whole sum can be refunded",
    file: "refund-table",
    find: "value: listed.value }",
    replace: "value: value as Amount }",
  },
  {
    fault: "a refund is counted here and on the payer's shard",
    file: "exchange",
    find: "if (this.isHere(to)) return this.#accounts.transfer(from, to, value, cause);",
    replace:
      'if (this.isHere(to) || cause.cause === "refund") this.#accounts.transfer(from, to, value, cause); if (this.isHere(to)) return;',
  },
  {
    fault: "a refund of another shard is a payment there",
    file: "exchange",
    find: 'credit.kind !== "payment"',
    replace: 'credit.kind === "transfer"',
  },
  {
    fault: "of a batch only the first payment can be refunded",
    file: "refund-table",
    find: "credits.find((credit) => credit.transaction === transaction)",
    replace: "credits.slice(0, 1).find((credit) => credit.transaction === transaction)",
  },
  {
    fault: "a batch names one payer for all",
    file: "accounts",
    find: "payer ? [{ transaction, payer, value }] : []",
    replace: "payer ? [{ transaction, payer: credits[0]?.payer ?? payer, value }] : []",
  },
];

/** Faults that only show when a shard dies at the wrong moment. The simulation finds them. */
export const CRASH_MUTANTS: readonly Mutant[] = [
  {
    fault: "what a group owes is paid in a transaction of its own, after the debits",
    file: "rules",
    find: "      this.#accounts.closeGroup();\n    });",
    replace: "    });\n    this.#store.transact(() => this.#accounts.closeGroup());",
  },
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
    file: "exchange",
    find: "this.#outbox.append(this.#home(to), {",
    replace: "this.#store.commit?.(); this.#outbox.append(this.#home(to), {",
  },
  {
    fault: "a refund is written down in a transaction of its own, before its money",
    file: "refund-table",
    find: "this.#refunds.insert(row);",
    replace: "this.#refunds.insert(row); this.#store.commit?.();",
  },
  {
    fault: "a mandate counts a claim in a transaction of its own, before the hold",
    file: "mandates",
    find: "  }\n\n  setRevoked(",
    replace: "    this.#store.commit?.();\n  }\n\n  setRevoked(",
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

/** Needs an upto that is held in one period, a claim in the next, and a charge of a part after it: random histories hardly ever have that. */
export const LATER_PERIOD_MUTANT: Mutant = {
  fault: "what was not charged is given back to a later period",
  file: "mandate-counters",
  find: "const rest = window === counters.window ? value - charged : 0n;",
  replace: "const rest = value - charged < windowUsed ? value - charged : windowUsed;",
};
