import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { ALICE, idOf, START } from "./testing/ledger.ts";
import { claimOf, claimTx, SESSION_MANDATE, Stall, under } from "./testing/session-table.ts";

const SESSION = under(100);
const CLAIM = claimOf({ "0": 30, ["1a".repeat(16)]: 10 }, SESSION);

/** A session under a mandate, of which 40 of 100 were claimed in two lanes. */
function busy(): Stall {
  const stall = new Stall([memoryStore()]);
  stall.rules.openSession(SESSION, START);
  stall.rules.claimSession(CLAIM, START);
  return stall;
}

const of = (fault: string) => `${ALICE}: session ${SESSION.id}: ${fault}`;
const held = `${ALICE}: held is not the sum of its holds`;
const mandate = (fault: string) => `${ALICE}: mandate ${SESSION_MANDATE.digest}: ${fault}`;
const notCounted = mandate("claimed is not the sum of its holds");
const noDebit = `${ALICE}: no debit for claim ${claimTx(CLAIM)}`;
const noClaim = `${ALICE}: no claim like debit ${claimTx(CLAIM)}`;

describe("the audit of sessions", () => {
  test("finds nothing where nothing is wrong, and counts what is open", () => {
    const stall = busy();
    expect(stall.rules.audit()).toMatchObject({ ok: true, problems: [], sessions: 1, payments: { cancelled: 0 } });
    stall.rules.claimSession(claimOf({}, SESSION), START);
    expect(stall.rules.audit()).toMatchObject({ ok: true, problems: [], sessions: 0 });
  });

  test.each<[what: string, statement: string, problems: string[]]>([
    ["a deposit that is not set aside", "UPDATE account SET held = '0'", [held]],
    [
      "a deposit that grew",
      "UPDATE session SET deposit = '110'",
      [held, notCounted, mandate("its period counts less than was claimed in it")],
    ],
    ["a session that is closed, and its money not given back", "UPDATE session SET state = 'closed'", [held, notCounted]],
    ["more than the deposit was claimed", "UPDATE session SET deposit = '39'", [held, notCounted, of("more than its deposit was claimed")]],
    ["a lane whose mark went down", "UPDATE session_lane SET claimed = '29' WHERE lane = '0'", [of("claimed is not the sum of its lanes")]],
    ["a lane that is missing", "DELETE FROM session_lane WHERE lane = '0'", [of("claimed is not the sum of its lanes")]],
    ["a claim of another sum", "UPDATE session_claim SET value = '41'", [noClaim, of("claimed is not the sum of its claims")]],
    [
      "a claim that is missing",
      "DELETE FROM session_claim",
      [noClaim, of("claimed is not the sum of its claims"), of("its claims are not numbered without gaps")],
    ],
    ["a claim without its debit", "UPDATE session_claim SET seq = 7", [noClaim, noDebit]],
    ["a claim that was paid to another account", `UPDATE session SET payee = '${ALICE}'`, [noClaim]],
    ["a nonce that is free again", "DELETE FROM payment WHERE session IS NOT NULL", [of("its nonce is not its own")]],
    ["a nonce of another session", `UPDATE session SET nonce = '${idOf(9)}'`, [of("its nonce is not its own")]],
    ["an end that is later than the last", "UPDATE session SET ends_at = ends_at + 1", [of("it ends after its end")]],
    ["a session that vanished", "DELETE FROM session", [held, notCounted, noClaim, `${ALICE} ${SESSION.id}: there is no such session`]],
    [
      "a mandate that counts no deposit",
      "UPDATE mandate_use SET claimed = '0'",
      [notCounted, mandate("its period counts more than was spent")],
    ],
    [
      "a mandate that does not count what was claimed",
      "UPDATE mandate_use SET settled = '0'",
      [mandate("settled is not the sum of its debits"), mandate("its period counts more than was spent")],
    ],
  ])("names %s", (_, statement, problems) => {
    const stall = busy();
    stall.store.sql(statement);
    expect([...stall.rules.audit().problems].toSorted()).toEqual(problems.toSorted());
  });
});
