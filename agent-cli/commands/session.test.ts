/** The commands of sessions: what is left, what was claimed, how one ends, and how a lost one comes back. */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import type { HistoryFilter } from "../../shared/desk/api.ts";
import { provesWithdrawal } from "../../shared/protocol/withdrawal.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { startDesk } from "../testing/desk.ts";
import { sessionWorld } from "../testing/session-world.ts";

const { box, shop, facilitator, agent, fetched, open, kept, vouchers } = await sessionWorld();
const run = (...words: string[]) => box.run(["session", ...words]);

/** What the ledger says of the open session. */
function atLedger(standing: object): string {
  const { channelConfig } = kept().signed;
  const [id = ""] = shop.sessions.keys();
  facilitator.sessions = { [id]: { status: "open", channelConfig, claimed: "0", deposit: channelConfig.deposit, ...standing } };
  return id;
}

beforeEach(() => {
  facilitator.sessions = {};
  facilitator.withdrawn = [];
});

describe("session list, show and budget", () => {
  test("show what answers charged, what is left, and what the merchant claimed [session-shown]", async () => {
    const { session } = await open();
    await fetched("?second");
    atLedger({ claimed: "20" });
    const list = await run("list");
    expect(list.json.data["sessions"]).toMatchObject([
      { state: "open", deposit: { amount: "1000" }, charged: { amount: "20" }, left: { amount: "980" }, claimed: { amount: "20" } },
    ]);
    expect((await box.run("budget")).json.data).toMatchObject({ sessions: [{ left: { amount: "980" } }] });
    const show = await run("show", session.shortCode);
    expect(show.json.data).toMatchObject({ calls: 2, recent: [{ outcome: "charged", charged: { amount: "10" } }, {}] });
    expect((await box.run(["session", "show", session.shortCode], { terminal: true })).stdout).toContain("0.00000098 LGO left");
  });

  test("the code of a session, in place of a call's, is said to be one [session-code-named]", async () => {
    const { session } = await open();
    const hint = expect.stringContaining(`session show ${session.shortCode} lists its calls`);
    for (const command of ["status", "receipt show"])
      expect((await box.run([...command.split(" "), session.shortCode])).json.error).toMatchObject({ code: "request_not_found", hint });
  });

  test("say that a merchant has claimed more than its answers cost [session-overclaimed]", async () => {
    await open();
    atLedger({ claimed: "700" });
    expect((await run("list")).json.data["sessions"]).toMatchObject([{ overclaimed: { amount: "690" } }]);
    expect((await box.run("session list", { terminal: true })).stdout).toContain("has claimed 0.00000069 LGO more than its answers cost");
  });

  test("believe no facilitator that names another session, or more than the deposit", async () => {
    await open();
    const { channelConfig } = kept().signed;
    atLedger({ channelConfig: { ...channelConfig, deposit: "9" } });
    expect((await run("list")).json.data["sessions"]).toMatchObject([{ problem: expect.stringContaining("another session") }]);
    atLedger({ claimed: "1001" });
    expect((await run("list")).json.data["sessions"]).toMatchObject([{ problem: expect.stringContaining("1001") }]);
  });
});

describe("session close", () => {
  test("asks the merchant with the agent's own signature, and believes the ledger [session-close]", async () => {
    const { session } = await open();
    const id = atLedger({ status: "closed", claimed: "10", closesAt: 1_900_000_000 });
    const closed = await run("close", session.shortCode);
    expect(closed.json.data["session"]).toMatchObject({ state: "closed", claimed: { amount: "10" }, left: { amount: "0" } });
    const asked = shop.presented.at(-1);
    if (asked?.type !== "refund") throw new Error("the merchant was not asked");
    expect(asked.withdrawal.session).toBe(id);
    expect(await provesWithdrawal(asked, agent.publicKey, {})).toEqual({ ok: true });
    expect(readFileSync(box.path("home/audit.jsonl"), "utf8")).toMatch(/"event":"session_closed".*"charged":"10"/);
    expect((await run("list")).json.data["sessions"]).toEqual([]);
  });

  test("asks the ledger with --withdraw, and signs no voucher after that [session-close-withdraw]", async () => {
    const { session } = await open();
    atLedger({ status: "closing" });
    const closing = await run("close", session.shortCode, "--withdraw");
    expect(closing.json.data["session"]).toMatchObject({ state: "closing" });
    expect(facilitator.withdrawn).toHaveLength(1);
    const next = await fetched("?after", "--no-ask", "--reason", "The comparison you asked for needs this one, too.");
    expect(next.exit).toBe(EXIT.notAsked);
    expect(vouchers()).toHaveLength(1);
  });
});

test("a lost state folder: the ledger has the session, and the merchant this agent's own signature [session-recovered]", async () => {
  await open();
  await fetched("?second");
  await fetched("?third");
  const { from } = kept().signed.channelConfig;
  const id = atLedger({ claimed: "10" });
  for (const folder of ["sessions", "requests", "inbox", "mandates", "answers"])
    rmSync(box.path(`home/${folder}`), { recursive: true, force: true });
  expect((await run("show", id)).json.error.code).toBe("session_not_found");
  expect((await run("show", id, "--from", from)).json.data).toMatchObject({ session: { state: "open", charged: { amount: "10" } } });
  const old = vouchers().map(({ lane }) => lane);
  const before = vouchers().length;
  const next = await fetched("?fourth");
  expect(next.exit, next.stdout).toBe(EXIT.ok);
  // One voucher of a lane that no acceptor has, then the next one of the lane that the merchant holds: serial and sum go on.
  const [asked, paid] = vouchers().slice(before);
  expect(old).not.toContain(asked?.lane);
  expect(paid).toMatchObject({ lane: old.at(-1), serial: "3", maxClaimableAmount: "30" });
});

test("an old copy of the state folder, put back: a serial that was used is not this call's receipt [session-old-copy]", async () => {
  const { session } = await open();
  await fetched("?second");
  const file = box.path(`home/sessions/${session.session}.json`);
  const old = readFileSync(file);
  await fetched("?third");
  writeFileSync(file, old);
  const next = await fetched("?fourth");
  expect(next.exit, next.stdout).toBe(EXIT.ok);
  expect(next.json.data).toMatchObject({ response: { body: { text: "call 4" } } });
  expect(shop.served).toBe(4);
});

test("spending has a session as one line, the history of the desk too, and audit verify checks each call of it [session-audited]", async () => {
  const { session } = await open();
  for (const path of ["?2", "?3", "?4"]) await fetched(path);
  const spent = await box.run("spending");
  expect(spent.json.data).toMatchObject({
    payments: 0,
    sessions: { lines: [{ payments: 4, paid: { amount: "40" }, name: expect.stringContaining(session.shortCode) }] },
  });
  const desk = await startDesk(box);
  const history = (filter: Partial<HistoryFilter> = {}) => desk.call("history", { days: 30, ...filter });
  const { host } = new URL(shop.url);
  const line = { charged: "40", calls: 4, merchant: host, session: session.shortCode };
  const known = { merchants: [host] };
  expect(await history()).toMatchObject({ data: { payments: 0, sessions: { total: { amount: "40" }, list: [line], more: 0 }, known } });
  expect(await history({ merchant: host, day: formatTimestamp(unixNow()).slice(0, 10) })).toMatchObject({
    data: { sessions: { list: [line] } },
  });
  for (const other of [{ merchant: "another" }, { agent: "another" }, { day: "2026-01-31" }])
    expect(await history(other)).toMatchObject({ data: { sessions: { total: { amount: "0" }, list: [] } } });
  await desk.stop();
  const verify = (...words: string[]) => box.run(["audit", "verify", ...words]);
  expect((await verify("--offline")).exit).toBe(EXIT.ok);
  const file = box.path(`home/sessions/${session.session}.calls.jsonl`);
  const lines = readFileSync(file, "utf8");
  writeFileSync(file, lines.replace('"charged":"10"', '"charged":"90"'));
  expect((await verify("--offline")).json.error.message).toContain(`session ${session.shortCode}`);
});
