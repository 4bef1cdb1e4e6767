/** What is checked of books, over the journal of a real ledger: one flipped bit is named by its entry. */

import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { signCheckpoint, checkpointKey } from "../../workers/ledger-do/sign-checkpoint.ts";
import { utf8 } from "../crypto/bytes.ts";
import { busyLedger } from "../ledger/testing/checkpoint.ts";
import { ALICE, BOB, LEDGER, START } from "../ledger/testing/ledger.ts";
import { readAnswer } from "./answers.ts";
import { type ChainHead, checkpointProblem, firstDifference, headDifference } from "./chain.ts";

const KEY = "7a".repeat(32);
const CHAIN = { account: ALICE, ledger: LEDGER };
const { rules } = busyLedger(memoryStore(), 4);
const entries = rules.journal(ALICE, 0, 100);
const last = entries.at(-1);
if (!last) throw new Error("the ledger has no entries");
const account = rules.account(ALICE);
const head: ChainHead = { seq: account.journalSeq, hash: account.journalHead, balance: account.balance };

/** Another digit or letter of the same alphabet, so that the answer keeps its shape. */
function flipped(text: string): string {
  const end = text.slice(-1);
  return `${text.slice(0, -1)}${end === "1" ? "2" : "1"}`;
}

describe("a chain", () => {
  test("of a ledger adds up, from its first entry or from a pruned one, and has the shape that is read", () => {
    expect(entries.length).toBeGreaterThan(4);
    expect(firstDifference(entries, undefined, CHAIN)).toBeUndefined();
    expect(firstDifference(entries.slice(2), entries[1], CHAIN)).toBeUndefined();
    expect(headDifference(head, last, LEDGER)).toBeUndefined();
    expect(headDifference({ seq: 0, hash: LEDGER, balance: "0" }, undefined, LEDGER)).toBeUndefined();
    expect([readAnswer("page", utf8(JSON.stringify({ entries }))).ok, readAnswer("account", utf8(JSON.stringify(account))).ok]).toEqual([
      true,
      true,
    ]);
  });

  test("with one changed member differs at that entry, whichever it is [explorer-one-bit]", () => {
    let changes = 0;
    for (const [at, entry] of entries.entries()) {
      for (const [member, value] of Object.entries(entry)) {
        if (typeof value !== "string") continue;
        const changed = { ...entry, [member]: member === "kind" ? (value === "debit" ? "credit" : "debit") : flipped(value) };
        const lie = entries.with(at, changed);
        expect(firstDifference(lie, undefined, CHAIN)?.entry, `entry ${at + 1}, ${member}`).toBe(String(at + 1));
        changes++;
      }
    }
    expect(changes).toBeGreaterThan(40);
  });

  test("without an entry, with two exchanged, of another account or another ledger differs", () => {
    const without = entries.toSpliced(2, 1);
    expect(firstDifference(without, undefined, CHAIN)).toEqual({ entry: "3", problem: "in its place is entry 4" });
    expect(firstDifference(entries, undefined, { ...CHAIN, account: BOB })).toEqual({ entry: "1", problem: "it is of another account" });
    expect(firstDifference(entries, undefined, { ...CHAIN, ledger: last.hash })?.problem).toBe("it does not begin with the ledger's id");
    expect(firstDifference(entries.slice(2), { seq: "2", hash: LEDGER, balanceAfter: "0" }, CHAIN)?.entry).toBe("3");
  });

  test("that ends elsewhere than the facilitator says differs at its end", () => {
    const problem = (changes: Partial<ChainHead>) => headDifference({ ...head, ...changes }, last, LEDGER)?.problem;
    expect(problem({ seq: head.seq + 1 })).toBe(`the journal ends after entry ${last.seq}`);
    expect(problem({ hash: LEDGER })).toContain("hash");
    expect(problem({ balance: flipped(head.balance) })).toContain("balance");
  });
});

test("a signature counts if the ledger's key made it, under this entry [explorer-checkpoint]", async () => {
  const { publicKey } = await checkpointKey(KEY);
  const attested = rules.attest(ALICE, undefined, START);
  if (!attested || "code" in attested) throw new Error("no checkpoint");
  const signed = await signCheckpoint(attested, KEY);
  expect(await checkpointProblem(signed, last, CHAIN, publicKey)).toBeUndefined();
  expect(await checkpointProblem({ ...signed, signature: flipped(signed.signature) }, last, CHAIN, publicKey)).toBe(
    "the signature does not fit",
  );
  expect(await checkpointProblem(await signCheckpoint(attested, "7b".repeat(32)), last, CHAIN, publicKey)).toContain("its key");
  for (const changes of [{ ledger: last.hash }, { account: BOB }, { seq: "1" }, { head: LEDGER }, { balance: "1" }]) {
    const other = await signCheckpoint({ ...attested, ...changes }, KEY);
    expect(await checkpointProblem(other, last, CHAIN, publicKey), JSON.stringify(changes)).toBeDefined();
  }
});
