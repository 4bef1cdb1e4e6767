/** Two decisions about one request at once: the first one wins, in every pair, and both sides are told the same. */

import { existsSync, rmSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { type Envelope, REASON, sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";
import { Racer, startTogether } from "../testing/racers.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
await people(box);
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json", agentFile: "../agent.json" });
beforeEach(() => {
  merchant.reset();
  facilitator.settlement = { status: "cancelled" };
});

interface Asked {
  code: string;
  digest: Digest;
}
let purchases = 0;
async function ask(): Promise<Asked> {
  const { json } = await box.run(["request", "create", `${merchant.url}?${purchases++}`, "--reason", REASON, "--inbox"]);
  return { code: json.data["shortCode"] as string, digest: json.data["requestDigest"] as Digest };
}

const DECISIONS = {
  approve: { event: "approved", argv: ({ code, digest }: Asked) => ["approve", code, "--confirm", digest] },
  decline: { event: "declined", argv: ({ code }: Asked) => ["decline", code, "--code", "other"] },
  cancel: { event: "cancelled", argv: ({ code }: Asked) => ["request", "cancel", code] },
  revoke: { event: "revoked", argv: ({ code }: Asked) => ["revoke", code, "--code", "other"] },
} as const;
type Kind = keyof typeof DECISIONS;

async function eventsOf({ digest }: Asked): Promise<string[]> {
  const { entries } = (await box.run("audit list")).json.data as { entries: { event: string; facts: Record<string, string> }[] };
  const decisions = new Set<string>(Object.values(DECISIONS).map(({ event }) => event));
  return entries
    .toSorted((a, b) => Number((a as { seq?: string }).seq) - Number((b as { seq?: string }).seq))
    .filter(({ event, facts }) => facts["requestDigest"] === digest && decisions.has(event))
    .map(({ event }) => event);
}
const stateOf = async ({ code }: Asked) => (await box.run(["request", "show", code])).json.data["state"] as string;
const hasPayment = ({ digest }: Asked) => existsSync(box.path(`home/inbox/${digest}.payment.json`));

/** What a decision is answered. */
type Told = "done" | "already" | "declined" | "request_cancelled" | "decided_meanwhile" | "usage";
const told = ({ ok, data, error }: Envelope): Told => (ok ? (data["already"] ? "already" : "done") : (error.code as Told));

/**
 * The table of spec/cli.md: two decisions that were both begun before either was made. `answer` is what the second is told;
 * the first is always told `done`.
 */
interface Cell {
  first: Kind;
  second: Kind;
  answer: Told;
  state: string;
  /** The request was approved before the two began. */
  approved?: true;
}
const TABLE: Cell[] = [
  { first: "approve", second: "approve", answer: "decided_meanwhile", state: "approved" },
  { first: "approve", second: "decline", answer: "done", state: "declined" },
  { first: "approve", second: "cancel", answer: "usage", state: "approved" },
  { first: "approve", second: "revoke", answer: "done", state: "revoked", approved: true },
  { first: "decline", second: "approve", answer: "declined", state: "declined" },
  { first: "decline", second: "decline", answer: "already", state: "declined" },
  { first: "decline", second: "cancel", answer: "usage", state: "declined" },
  { first: "decline", second: "revoke", answer: "done", state: "revoked", approved: true },
  { first: "cancel", second: "approve", answer: "request_cancelled", state: "cancelled" },
  { first: "cancel", second: "decline", answer: "request_cancelled", state: "cancelled" },
  { first: "cancel", second: "cancel", answer: "done", state: "cancelled" },
  { first: "revoke", second: "approve", answer: "declined", state: "revoked", approved: true },
  { first: "revoke", second: "decline", answer: "done", state: "revoked", approved: true },
  { first: "revoke", second: "revoke", answer: "already", state: "revoked", approved: true },
  { first: "revoke", second: "cancel", answer: "usage", state: "revoked", approved: true },
];
/** Pairs in which the second leaves a record of its own. */
const recordsBoth = ({ first, second, answer }: Cell) => answer === "done" && first !== second;

async function prepared({ approved }: Pick<Cell, "approved">): Promise<Asked> {
  const asked = await ask();
  if (approved) expect((await box.run(DECISIONS.approve.argv(asked))).exit).toBe(EXIT.ok);
  return asked;
}

async function isAsTabled(cell: Cell, asked: Asked): Promise<void> {
  const { first, second, state, approved } = cell;
  const events = [...(approved ? ["approve" as const] : []), first, ...(recordsBoth(cell) ? [second] : [])];
  expect(await eventsOf(asked)).toEqual(events.map((kind) => DECISIONS[kind].event));
  expect(await stateOf(asked)).toBe(state);
  expect(hasPayment(asked)).toBe(events.includes("approve"));
}

/** The question of the command, without its flag that answers it. */
const ASKING: Partial<Record<Kind, { argv: (asked: Asked) => string[]; question: string; answers: readonly string[] }>> = {
  approve: { argv: ({ code }) => ["approve", code], question: "Pay 0.00001 LGO to", answers: ["y"] },
  decline: { argv: ({ code }) => ["decline", code], question: "Number or word:", answers: ["other", ""] },
  revoke: { argv: ({ code }) => ["revoke", code], question: "Number or word:", answers: ["other", ""] },
};

describe("decided while the owner reads", () => {
  const asking = TABLE.filter(({ second }) => ASKING[second]);
  test.each(asking)("$first, then $second: $answer [decided-while-reading]", async (cell) => {
    const { first, second, answer } = cell;
    const late = ASKING[second];
    if (!late) throw new Error("asks nothing");
    const asked = await prepared(cell);
    const decide = async () => {
      expect((await box.run(DECISIONS[first].argv(asked))).json.ok).toBe(true);
      return late.answers[0] ?? "";
    };
    const run = await box.run(late.argv(asked), {
      answers: [
        [late.question, decide],
        ["A note for the agent", ""],
      ],
    });
    expect(told(run.json)).toBe(answer);
    await isAsTabled(cell, asked);
  });

  test("an approval from another account, too: each of the two could be paid", async () => {
    await box.run("owner create --out ./other.json --insecure-plaintext");
    const asked = await ask();
    const other = async () => {
      expect((await box.run([...DECISIONS.approve.argv(asked), "--owner-file", "./other.json"])).exit).toBe(EXIT.ok);
      return "y";
    };
    const run = await box.run(["approve", asked.code], { answers: [["Pay 0.00001 LGO to", other]] });
    expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "decided_meanwhile"]);
  });

  test("a revocation says what it did not revoke: an approval from another account", async () => {
    const asked = await prepared({ approved: true });
    const other = async () => {
      expect((await box.run([...DECISIONS.approve.argv(asked), "--owner-file", "./other.json"])).exit).toBe(EXIT.ok);
      return "other";
    };
    const run = await box.run(["revoke", asked.code], {
      answers: [
        ["Number or word:", other],
        ["A note for the agent", ""],
      ],
    });
    expect(run.json.ok).toBe(true);
    expect(run.stderr.replaceAll(/\s+/g, " ")).toContain("That payment is not revoked.");
  });

  test("a decline says that an approval came first, and how to withdraw it", async () => {
    const asked = await ask();
    const approve = async () => {
      await box.run(DECISIONS.approve.argv(asked));
      return "other";
    };
    const run = await box.run(["decline", asked.code], {
      answers: [
        ["Number or word:", approve],
        ["A note for the agent", ""],
      ],
    });
    expect(run.stderr.replaceAll(/\s+/g, " ")).toContain("does not withdraw that payment: revoke does");
    expect(run.json.next?.argv).toEqual(["lez-agent-pay", "revoke", asked.code]);
  });
});

test("an approval that was recorded but not handed out when its process died still came first", async () => {
  const asked = await prepared({ approved: true });
  rmSync(box.path(`home/inbox/${asked.digest}.payment.json`));
  const cancelled = await box.run(DECISIONS.cancel.argv(asked));
  expect([cancelled.exit, cancelled.json.error.message]).toEqual([EXIT.usage, expect.stringContaining("is approved")]);
  // The owner approves again, and the agent gets its payment.
  expect((await box.run(DECISIONS.approve.argv(asked))).exit).toBe(EXIT.ok);
  expect(await stateOf(asked)).toBe("approved");
});

describe("two processes at once", () => {
  const racers = [new Racer(box), new Racer(box)] as const;
  const PAIRS = TABLE.filter(({ first, second }) => first <= second);
  test("are both ready", async () => {
    expect(await Promise.all(racers.map((racer) => racer.line()))).toEqual(["ready", "ready"]);
  });

  test.each(PAIRS)("$first and $second: one is first, and both say so [first-decision-wins]", async ({ first, second, approved }) => {
    const asked = await prepared({ ...(approved && { approved }) });
    const started = startTogether(
      box,
      racers.map(({ pid }) => pid),
    );
    const kinds = [first, second] as const;
    const runs = await Promise.all([racers[0].run(DECISIONS[first].argv(asked)), racers[1].run(DECISIONS[second].argv(asked))]);
    await started;
    const [, winner] = await eventsOf(asked).then((events) => (approved ? events : ["", ...events]));
    const won = kinds.find((kind) => DECISIONS[kind].event === winner);
    const lost = first === won ? second : first;
    const cell = TABLE.find((row) => row.first === won && row.second === lost);
    if (!cell) throw new Error(`${winner} is not in the table`);
    const answers = runs.map((run, i) => `${kinds[i]} is told: ${told(run)}`);
    expect(new Set(answers)).toEqual(new Set([`${won} is told: done`, `${lost} is told: ${cell.answer}`]));
    await isAsTabled(cell, asked);
  });
});
