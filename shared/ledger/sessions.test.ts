/** Sessions beside the rest of the ledger: mandates, the alarm, restarts, pruning and the end of a ledger. */

import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { AWAY_SECONDS, FORGET_SECONDS, JOURNAL_RETENTION_SECONDS, MAX_SESSION_LANES, PRUNE_BATCH } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { ExportCheck, restoredOf } from "./export-check.ts";
import { EXPORTED_TABLES } from "./export.ts";
import { runAllMaintenance } from "./testing/checkpoint.ts";
import { ALICE, BOB, dump, FIRST, idOf, paymentOf, settleOf, START } from "./testing/ledger.ts";
import { claimOf, claimTx, SESSION, SESSION_MANDATE, sessionOf, Stall, under } from "./testing/session-table.ts";

const HOUR = 3600;
const END = SESSION.expiresAt + SESSION.withdrawDelay;

function stall(shards = 1): Stall {
  return new Stall(Array.from({ length: shards }, () => memoryStore()));
}

function opened(session = SESSION, shards = 1): Stall {
  const made = stall(shards);
  expect(made.rules.openSession(session, START)).toMatchObject({ ok: true });
  return made;
}

function stored(made: Stall) {
  return made.stores.map((store) => {
    const { clock: _, ...tables } = dump(store);
    return tables;
  });
}

describe("a session under a mandate", () => {
  const session = under(100);
  const spent = ({ rules }: Stall, at = START) => rules.mandate(ALICE, SESSION_MANDATE.digest, at);

  test("counts its deposit as claimed, and what is claimed of it as settled", () => {
    const made = opened(session);
    expect(spent(made)).toMatchObject({ settled: "0", claimed: "100", left: "100", period: { used: "100", payments: 1 } });
    made.rules.claimSession(claimOf({ "0": 30 }, session), START);
    expect(spent(made)).toMatchObject({ settled: "30", claimed: "70", left: "100", period: { used: "100", payments: 1 } });
  });

  test.each([
    ["its final claim", START + 60, (made: Stall) => made.rules.claimSession(claimOf({}, session), START + 60)],
    ["the alarm after its end", END + 1, (made: Stall) => made.rules.runMaintenance(END + 1)],
  ])("gives the rest back once, at %s", (_, at, end) => {
    const made = opened(session);
    made.rules.claimSession(claimOf({ "0": 30 }, session), START);
    for (let i = 0; i < 2; i++) {
      end(made);
      expect(spent(made, at)).toMatchObject({ settled: "30", claimed: "0", left: "170" });
      expect(made.rules.account(ALICE)).toMatchObject({ balance: "220", held: "0" });
    }
    expect(made.problems()).toEqual([]);
  });

  test("gives back to the period in which it was opened, and to no later one", () => {
    const made = opened(session);
    made.rules.claimSession(claimOf({}, session), START + 60);
    expect(spent(made)).toMatchObject({ period: { used: "0", payments: 1 } });
    const late = opened(under(100, { expiresAt: START + 2 * HOUR }));
    late.rules.openSession(
      under(10, { nonce: idOf(0xe), validAfter: START + HOUR, validBefore: START + HOUR, expiresAt: START + HOUR }),
      START + HOUR,
    );
    late.rules.withdrawSession(under(100, { expiresAt: START + 2 * HOUR }), START + HOUR);
    late.rules.runMaintenance(START + HOUR + 901);
    expect(spent(late, START + HOUR + 901)).toMatchObject({ claimed: "0", period: { used: "0", payments: 1 } });
    expect(late.problems()).toEqual([]);
  });

  test("begins to close when its mandate is revoked, by no other revocation and only once", () => {
    const made = opened(session);
    const revoke = (mandate: typeof session.id, at: number) => made.rules.revoke({ payer: ALICE, mandate, revokedAt: START }, at);
    revoke(idOf(0xbad), START);
    expect(made.rules.sessionOf(session, START)).toMatchObject({ status: "open" });
    const closing = { ok: true, revokedAt: START + 10, underWay: { payments: 0, sessions: 1, value: "100", until: START + 910 } };
    expect(revoke(SESSION_MANDATE.digest, START + 10)).toEqual(closing);
    expect(revoke(SESSION_MANDATE.digest, START + 20)).toEqual(closing);
    expect(made.rules.sessionOf(session, START + 20)).toMatchObject({
      status: "closing",
      closesAt: START + 910,
      withdrawRequestedAt: START + 10,
    });
  });

  test("keeps its mandate for as long as it can pay, though nothing of it is claimed any more", () => {
    const long = under(100, { withdrawDelay: 30 * 24 * HOUR });
    const made = opened(long);
    made.rules.claimSession(claimOf({ "0": 100 }, long), START);
    const end = long.expiresAt + long.withdrawDelay;
    made.rules.runMaintenance(end + FORGET_SECONDS);
    expect(spent(made, end + FORGET_SECONDS)).toMatchObject({ status: "open", settled: "100" });
    made.rules.runMaintenance(end + FORGET_SECONDS + 1);
    expect(spent(made, end + FORGET_SECONDS + 1)).toEqual({ status: "unused" });
  });
});

test("a revocation gives a session that is closing no more time", () => {
  const made = opened();
  made.rules.withdrawSession(SESSION, START);
  made.rules.revoke({ payer: ALICE, mandate: "*", revokedAt: START }, START + 100);
  expect(made.rules.sessionOf(SESSION, START + 100)).toMatchObject({ closesAt: START + 900, withdrawRequestedAt: START });
});

describe("claims", () => {
  test("name session, claim, mandate and request in the payer's journal, and the session in the payee's", () => {
    const session = under(100, { requestDigest: idOf(0x9) });
    const made = opened(session, 4);
    const claim = claimOf({ "0": 30 }, session);
    made.rules.claimSession(claim, START + 5);
    made.deliver(START + 5);
    const about = { transaction: claimTx(claim), cause: "claim", session: session.id, value: "30", at: String(START + 5) };
    const authorized = { authorizationDigest: claim.claimDigest, requestDigest: idOf(0x9), mandate: SESSION_MANDATE.digest };
    expect(made.rules.journal(ALICE, 1, 10)).toMatchObject([{ ...about, ...authorized, kind: "debit", counterparty: BOB }]);
    const [credit] = made.of(BOB).journal(BOB, 0, 10);
    expect(credit).toMatchObject({ ...about, kind: "credit", counterparty: ALICE });
    expect(credit).not.toHaveProperty("mandate");
  });

  test("of many lanes are told in part, and counted in whole", () => {
    const made = opened(sessionOf({ deposit: "250" as Amount }));
    const session = sessionOf({ deposit: "250" as Amount });
    const lane = (number: number) => number.toString(16).padStart(32, "0");
    for (let i = 0; i < 130; i++) expect(made.rules.claimSession(claimOf({ [lane(i)]: 1 }, session), START)).toMatchObject({ ok: true });
    const told = made.rules.sessionOf(session, START);
    expect(told).toMatchObject({ claimed: "130", laneCount: 130, claimCount: 130, claims: { length: 100 }, lanes: { length: 128 } });
    expect(made.problems()).toEqual([]);
  });

  test("of a hundred copies at once pay once", () => {
    const made = opened();
    const answers = Array.from({ length: 100 }, () => made.rules.claimSession(claimOf({ "0": 100 }), START));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(made.rules.account(ALICE)).toMatchObject({ balance: "150", held: "0", journalSeq: 2 });
  });
});

describe("the alarm", () => {
  test("forgets sessions with all of their rows, and a long one alone", () => {
    const made = stall();
    const sessions = Array.from({ length: 3 }, (_, i) => sessionOf({ nonce: idOf(i), deposit: "50" as Amount }));
    for (const session of sessions) {
      made.rules.openSession(session, START);
      made.rules.claimSession(claimOf({ "0": 1, ["2b".repeat(16)]: 1 }, session), START);
    }
    made.store.sql("UPDATE session SET lanes = ? WHERE id = ?", MAX_SESSION_LANES, sessions[1]?.id ?? "");
    made.rules.runMaintenance(START + 1);
    expect(MAX_SESSION_LANES).toBeGreaterThan(PRUNE_BATCH);
    runAllMaintenance(made.rules, END + FORGET_SECONDS + 1);
    const tables = ["session", "session_lane", "session_claim"];
    expect(tables.flatMap((table) => made.store.sql(`SELECT * FROM ${table}`))).toEqual([]);
    expect(made.store.sql("SELECT * FROM payment WHERE payer = ?", ALICE)).toEqual([]);
    expect(made.problems()).toEqual([]);
  });

  test("rings for the session that ends first", () => {
    const made = opened();
    const soon = sessionOf({ nonce: idOf(0xb), expiresAt: START + 60, deposit: "1" as Amount });
    made.rules.openSession(soon, START);
    expect(made.rules.runMaintenance(START + 1)).toBe(START + 60 + 900 + 1);
    expect(made.rules.backlog()).toMatchObject({ holds: 0, sessions: 2, firstEnd: START + 960 });
    expect(made.rules.runMaintenance(START + 961)).toBe(END + 1);
    expect(made.rules.backlog()).toMatchObject({ sessions: 1, firstEnd: END });
  });
});

describe("a shard that was away", () => {
  test("adds the time to the end of every session, once [session-away]", () => {
    const made = opened();
    const closing = sessionOf({ nonce: idOf(0xb), deposit: "10" as Amount });
    made.rules.openSession(closing, START);
    made.rules.withdrawSession(closing, START);
    const away = 3 * 24 * HOUR;
    made.restart();
    made.rules.runMaintenance(START + away);
    expect(made.rules.sessionOf(SESSION, START + away)).toMatchObject({ status: "open", closesAt: END + away });
    expect(made.rules.sessionOf(closing, START + away)).toMatchObject({ status: "closing", closesAt: START + 900 + away });
    expect(made.rules.claimSession(claimOf({ "0": 100 }), END + away)).toMatchObject({ ok: true, value: "100" });
    made.restart();
    expect(made.rules.sessionOf(SESSION, START + away + AWAY_SECONDS)).toMatchObject({ closesAt: END + away });
    expect(made.problems()).toEqual([]);
  });

  test("adds nothing after a restart like any other, nor while it works", () => {
    const made = opened();
    made.restart();
    expect(made.rules.sessionOf(SESSION, START + AWAY_SECONDS)).toMatchObject({ closesAt: END });
    expect(made.rules.sessionOf(SESSION, START + AWAY_SECONDS + 24 * HOUR)).toMatchObject({ status: "closed", closesAt: END });
  });
});

describe("pruning", () => {
  test("keeps the claims of a session whose debits are gone, and the audit knows", () => {
    const long = sessionOf({ withdrawDelay: 30 * 24 * HOUR, expiresAt: START + 7 * 24 * HOUR });
    const made = opened(long);
    made.rules.claimSession(claimOf({ "0": 10 }, long), START);
    const { journalSeq, journalHead } = made.rules.account(ALICE);
    const old = START + JOURNAL_RETENTION_SECONDS + 1;
    made.rules.checkpoint(ALICE, journalSeq, journalHead, old);
    runAllMaintenance(made.rules, old);
    expect(made.rules.journal(ALICE, 0, 10)).toEqual([]);
    expect(made.rules.claimSession(claimOf({ "0": 10 }, long), old)).toMatchObject({ ok: true, value: "10" });
    expect(made.rules.claimSession(claimOf({ "0": 15 }, long), old)).toMatchObject({ ok: true, value: "5" });
    expect(made.problems()).toEqual([]);
  });
});

describe("a retired ledger", () => {
  test("claims nothing, closes nothing, and repeats what was paid", () => {
    const made = opened();
    made.rules.claimSession(claimOf({ "0": 10 }), START);
    made.rules.retire(made.ledger, START + 1);
    const before = stored(made);
    const mismatch = { ok: false, code: "ledger_mismatch" };
    expect(made.rules.claimSession(claimOf({ "0": 10 }), END + 5)).toMatchObject({ ok: true, value: "10" });
    expect(made.rules.claimSession(claimOf({ "0": 11 }), START + 2)).toEqual(mismatch);
    expect(made.rules.claimSession(claimOf({}), START + 2)).toEqual(mismatch);
    expect(made.rules.openSession(sessionOf({ nonce: idOf(0xb) }), START + 2)).toEqual(mismatch);
    expect(made.rules.checkSession(SESSION, START + 2)).toEqual(mismatch);
    expect(made.rules.withdrawSession(SESSION, START + 2)).toEqual(mismatch);
    expect(made.rules.sessionOf(SESSION, END + 5)).toMatchObject({ status: "closed", claimed: "10" });
    expect(made.rules.status(ALICE, SESSION.nonce, START, START)).toEqual({ status: "session", session: SESSION.id });
    expect(stored(made)).toEqual(before);
  });
});

test("an export adds up with what sessions hold, and restores their nonces as cancelled [session-export]", () => {
  const made = opened();
  made.rules.claimSession(claimOf({ "0": 10 }), START);
  made.rules.retire(made.ledger, START + 1);
  const pages = EXPORTED_TABLES.map((table) => {
    const page = made.rules.exportPage(table, []);
    return { shard: 0, table, rows: "rows" in page ? page.rows : [] };
  });
  const checked = (exported: typeof pages) => {
    const check = new ExportCheck({ ledger: made.ledger, supply: "1000", shards: 1 });
    const problem = exported.map((page) => check.take(page)).find((problem) => problem !== undefined);
    return problem ?? check.finish();
  };
  expect(checked(pages)).toMatchObject({ ok: true, summary: { holds: 0, sessions: 1 } });
  expect(checked(pages.filter(({ table }) => table !== "session"))).toMatchObject({ ok: false, problem: expect.stringContaining("held") });
  const nonces = pages.filter(({ table }) => table === "payment").flatMap(({ rows }) => rows.map((row) => restoredOf("payment", row)));
  const cancelled = { ok: true, value: { kind: "cancelled", row: { payer: ALICE, nonce: SESSION.nonce, capture_deadline: END } } };
  expect(nonces.find((found) => found?.ok && found.value.kind === "cancelled")).toMatchObject(cancelled);
});

test("a look at a session that is to be opened says what opening it would, and writes nothing", () => {
  const made = stall();
  const expired = paymentOf({ nonce: SESSION.nonce, validBefore: START + 1 });
  const check = (session = SESSION, at = START + 2) => made.rules.checkSession(session, at);
  made.rules.reserve({ payment: expired, reservationId: FIRST, holdSeconds: 0 }, START);
  const before = stored(made);
  expect(check(SESSION, START)).toEqual({ ok: false, code: "nonce_replayed" });
  expect(check()).toEqual({ ok: true });
  expect(check(sessionOf({ deposit: "251" as Amount }))).toEqual({ ok: false, code: "insufficient_funds" });
  expect(check(SESSION, SESSION.validBefore + 1)).toEqual({ ok: false, code: "payment_expired" });
  expect(stored(made)).toEqual(before);
  made.rules.openSession(SESSION, START + 2);
  expect(check()).toEqual({ ok: true });
  expect(check(sessionOf({ deposit: "1" as Amount }))).toEqual({ ok: false, code: "nonce_replayed", session: SESSION.id });
  made.rules.withdrawSession(SESSION, START + 3);
  expect(check()).toEqual({ ok: false, code: "session_closed" });
});

test("a halted shard moves nothing of a session, and says nothing of it", () => {
  const made = opened(SESSION, 4);
  made.store.sql("INSERT INTO halt (reason, at) VALUES ('set back', ?)", START);
  made.restart();
  const before = stored(made);
  const stopped = { ok: false, code: "facilitator_unavailable" };
  expect(made.rules.claimSession(claimOf({ "0": 10 }), START + 1)).toEqual(stopped);
  expect(made.rules.withdrawSession(SESSION, START + 1)).toEqual(stopped);
  expect(made.rules.sessionOf(SESSION, START + 1)).toEqual(stopped);
  expect(made.rules.runMaintenance(END + 24 * HOUR)).toBeUndefined();
  expect(stored(made)).toEqual(before);
});

test("payments and sessions share one balance", () => {
  const made = opened();
  const rest = paymentOf({ nonce: idOf(0xc), value: "151" as Amount });
  expect(made.rules.settle(settleOf(rest, FIRST), START)).toEqual({ ok: false, code: "insufficient_funds" });
  expect(made.rules.settle(settleOf(paymentOf({ nonce: idOf(0xc), value: "150" as Amount }), FIRST), START)).toMatchObject({ ok: true });
  expect(made.rules.claimSession(claimOf({ "0": 100 }), START)).toMatchObject({ ok: true });
  expect(made.rules.account(ALICE)).toMatchObject({ balance: "0", held: "0" });
});

describe("the claim that paid a call [session-call-payment]", () => {
  const OTHER_LANE = "2b".repeat(16);
  const made = opened();
  /** As its payee signed it, for what the ledger reads of that. */
  const claimed = (lanes: Record<string, number>, at: number) => {
    const claim = claimOf(lanes);
    const signed = JSON.stringify({ claim: { lanes: claim.lanes }, signature: "" });
    expect(made.rules.claimSession({ ...claim, signed }, at)).toMatchObject({ ok: true });
    return { claim: claim.claimDigest, transaction: claimTx(claim), at, signed };
  };
  const first = claimed({ "0": 9 }, START + 1);
  const second = claimed({ "0": 9, [OTHER_LANE]: 8 }, START + 2);
  const third = claimed({ "0": 10, [OTHER_LANE]: 20 }, START + 3);
  const paid = (lane: string, amount: string) => made.rules.callPayment({ payer: ALICE, id: SESSION.id, lane, amount: amount as Amount });

  test.each([
    ["0", "1", "10", first],
    ["0", "9", "10", first],
    // By value: as text, 10 comes before 9.
    ["0", "10", "10", third],
    [OTHER_LANE, "8", "20", second],
    [OTHER_LANE, "9", "20", third],
  ])("lane %s up to %s", (lane, amount, sum, claim) => {
    expect(paid(lane, amount)).toMatchObject({ claimed: sum, claim });
  });

  test("is none beyond what was claimed, of a lane or a session without a claim", () => {
    expect(paid("0", "11")).toEqual({ claimed: "10" });
    expect(paid("3c".repeat(16), "1")).toEqual({ claimed: "0" });
    expect(made.rules.callPayment({ payer: BOB, id: SESSION.id, lane: "0", amount: "1" as Amount })).toEqual({ claimed: "0" });
  });
});
