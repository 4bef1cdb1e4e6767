/** Transfers on the owner's side: what is shown, what is signed, and that one id is sent once. */

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hexToBytes } from "../../shared/crypto/bytes.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { FIRST, give, LEDGER, openLedger, paymentOf, personOf, settleOf, START } from "../../shared/ledger/testing/ledger.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { keySigner } from "../../shared/protocol/signer.ts";
import { signTransfer, transactionOfTransfer, transferNonce } from "../../shared/protocol/transfer.ts";
import { unixNow } from "../../shared/time.ts";
import { memoryStore } from "../demo/memory-store.ts";
import type { KeptTransfer } from "../records/transfers.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const facilitator = await startFacilitator();
const { owner } = await people(box);
const signer = await keySigner(hexToBytes("secretKey" in owner ? owner.secretKey : ""));
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json" });

const TO = DEMO_MERCHANT_ACCOUNT;
const fileOf = (id: string) => box.path(`home/transfers/${transferNonce(owner.account, id)}.json`);
const transactionOf = (id: string) => transactionOfTransfer(kept(id).signed.authorization);
const kept = (id: string) => JSON.parse(readFileSync(fileOf(id), "utf8")) as KeptTransfer;
const events = async () =>
  ((await box.run("audit list --json")).json.data["entries"] as { event: string; facts: Record<string, string> }[]).filter(({ event }) =>
    event.startsWith("transfer"),
  );

beforeEach(() => {
  facilitator.transfers.length = 0;
});
afterEach(() => {
  facilitator.refuses = undefined;
});

/** As an owner without a terminal does it: read, then confirm what was read. */
async function send(words: string) {
  const { json } = await box.run(`send ${words} --dry-run`);
  return box.run(["send", ...words.split(" "), "--confirm", String(json.data?.["terms"] ?? "0".repeat(64))]);
}

test("shows amount and account, takes the typed amount for a new account, and sends what was signed [send-shown]", async () => {
  const run = await box.run(`send ${TO} 20000 --id first`, { answers: [["Send 0.00002 LGO?", "0.00002"]] });
  expect([run.exit, run.stderr]).toEqual([EXIT.ok, expect.stringMatching(/Send +0\.00002 LGO/)]);
  expect(run.stderr).toContain(TO);
  expect(run.stderr).toContain("This machine never sent money to this account");
  expect(facilitator.transfers).toHaveLength(1);
  expect(facilitator.transfers[0]?.authorization).toMatchObject({ from: owner.account, to: TO, value: "20000", purpose: "transfer" });
  expect(kept("first")).toMatchObject({ id: "first", state: "made", signed: facilitator.transfers[0] });
  expect(run.json.data["transaction"]).toBe(transactionOf("first"));
  expect((await events()).map(({ event }) => event)).toEqual(["transfer_signed", "transferred"]);
  expect((await box.run("audit verify")).exit).toBe(EXIT.ok);
  // The account is known from here on: a key press is enough.
  const again = await box.run(`send ${TO} 20000 --id second`, { answers: [["Send 0.00002 LGO?", "y"]] });
  expect(again.exit, again.stderr).toBe(EXIT.ok);
});

test("one id is sent once: made before, it is not sent again; with other terms it is refused [send-once]", async () => {
  expect((await send(`${TO} 300 --id once`)).exit).toBe(EXIT.ok);
  const again = await box.run(`send ${TO} 300 --id once`);
  expect(again.json.data).toMatchObject({ again: true, transaction: transactionOf("once") });
  expect(facilitator.transfers).toHaveLength(1);
  const other = await box.run(`send ${TO} 301 --id once`);
  expect([other.exit, other.json.error.message]).toEqual([EXIT.usage, expect.stringContaining("of another transfer")]);
});

test("after a lost answer the same bytes go out again, and the owner is not asked again [send-lost-answer]", async () => {
  facilitator.refuses = { status: 503, body: { error: "facilitator_unavailable" } };
  const lost = await send(`${TO} 400 --id lost`);
  expect(lost.exit).toBe(EXIT.outcomeUnknown);
  facilitator.refuses = undefined;
  const repeated = await box.run(`send ${TO} 400 --id lost`);
  expect(repeated.exit, repeated.stderr).toBe(EXIT.ok);
  expect(facilitator.transfers).toHaveLength(2);
  expect(facilitator.transfers[0]).toEqual(facilitator.transfers[1]);
});

test.each([
  ["settled elsewhere", { status: "unknown" }, EXIT.outcomeUnknown, 0],
  ["never made", { status: "expired" }, EXIT.ok, 1],
])("one that has expired is asked about: %s", async (name, settlement, exit, sent) => {
  const id = name.replaceAll(" ", "-");
  facilitator.refuses = { status: 503, body: { error: "facilitator_unavailable" } };
  await send(`${TO} 500 --id ${id}`);
  facilitator.refuses = undefined;
  facilitator.transfers.length = 0;
  const { signed, ...rest } = kept(id);
  const expired = await signTransfer({ ...signed.authorization, validBefore: String(unixNow() - 10) }, signer);
  writeFileSync(fileOf(id), JSON.stringify({ ...rest, signed: expired }));
  facilitator.settlement = settlement;
  const run = await send(`${TO} 500 --id ${id}`);
  facilitator.settlement = { status: "unused" };
  expect([run.exit, facilitator.transfers.length]).toEqual([exit, sent]);
});

test("a refusal of the ledger is said, and is no unknown outcome; what it cannot pay now is sent again later", async () => {
  facilitator.refuses = { status: 402, body: { error: "insufficient_funds" } };
  const poor = await send(`${TO} 600 --id poor`);
  expect([poor.exit, poor.json.error.code, kept("poor").state]).toEqual([EXIT.paymentRejected, "insufficient_funds", "sent"]);
  expect(poor.json.next).toMatchObject({ by: "owner", argv: expect.arrayContaining(["poor"]) as string[] });
  facilitator.refuses = { status: 402, body: { error: "payment_revoked" } };
  expect((await box.run(`send ${TO} 600 --id poor`)).json.error.code).toBe("payment_revoked");
  expect(kept("poor").state).toBe("refused");
  expect((await events()).at(-1)).toMatchObject({ event: "transfer_refused", facts: { id: "poor" } });
});

test("another of the same, whose outcome is not known, is warned of by its id [send-on-top]", async () => {
  facilitator.refuses = { status: 503, body: { error: "facilitator_unavailable" } };
  await send(`${TO} 700 --id before`);
  facilitator.refuses = undefined;
  const shown = (await box.run(`send ${TO} 700 --dry-run`)).stderr.replaceAll(/\s+/g, " ");
  expect(shown).toContain("was signed before, as before, and may have been made");
  expect((await box.run(`send ${TO} 701 --dry-run`)).stderr).not.toContain("signed before");
  expect((await box.run(`send ${TO} 700 --id before`)).exit).toBe(EXIT.ok);
  expect((await box.run(`send ${TO} 700 --dry-run`)).stderr).not.toContain("signed before");
});

test("a record that an agent wrote makes no account known, and stops the next transfer [send-forged]", async () => {
  const stranger = personOf(9);
  const { signed, ...rest } = kept("first");
  const nonce = transferNonce(owner.account, "forged");
  const forged = { ...signed, authorization: { ...signed.authorization, to: stranger, nonce } };
  writeFileSync(fileOf("forged"), JSON.stringify({ ...rest, id: "forged", signed: forged }), { mode: 0o600 });
  const run = await box.run(`send ${stranger} 10`);
  rmSync(fileOf("forged"));
  expect(run.json.error).toMatchObject({ code: "invalid_file", message: expect.stringContaining("not signed by its account") as string });
});

test("signs nothing without the owner's word, for another digest, for the own account or a wrong one", async () => {
  const before = readdirSync(box.path("home/transfers"));
  const refused = async (words: string) => (await box.run(words)).json.error.code;
  expect(await refused(`send ${TO} 10`)).toBe("interaction_required");
  expect(await refused(`send ${TO} 10 --id x --confirm ${"0".repeat(64)}`)).toBe("request_differs");
  expect(await refused(`send ${owner.account} 10`)).toBe("usage");
  expect(await refused(`send ${TO}x 10`)).toBe("usage");
  expect((await box.run(`send ${TO} 10`, { answers: [["Send 0.00000001 LGO?", "n"]] })).exit).toBe(EXIT.approvalPending);
  expect(readdirSync(box.path("home/transfers"))).toEqual(before);
});

test("accounts shows what came and went, and no entry that breaks the chain [accounts-recent]", async () => {
  const ledger = openLedger(memoryStore());
  give(ledger, owner.account, 250n);
  const transfer = paymentOf({ payer: owner.account, payee: TO, value: "100" as Amount });
  ledger.settle({ ...settleOf(transfer, FIRST), purpose: "transfer" }, START);
  const journal = ledger.journal(owner.account, 0, 10);
  Object.assign(facilitator, { ledger: LEDGER, journals: { [owner.account]: journal } });
  const recent = async (words: string) =>
    ((await box.run(words)).json.data["accounts"] as { recent: object[]; recentProblem?: string }[])[0];
  expect((await recent("accounts"))?.recent).toMatchObject([
    { direction: "in", amount: { amount: "250" }, cause: "funding" },
    { direction: "out", amount: { amount: "100" }, cause: "transfer", counterparty: TO },
  ]);
  expect((await recent("accounts --recent 1"))?.recent).toHaveLength(1);
  facilitator.journals[owner.account] = journal.map((entry) => ({ ...entry, value: "99" }));
  expect(await recent("accounts")).toMatchObject({ recent: [], recentProblem: expect.stringContaining("does not add up") as string });
});
