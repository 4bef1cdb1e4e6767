/** The file of a ledger's export: it goes on after a crash, shows every change, and overwrites nothing else. */

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { EXPORTED_TABLES } from "../../shared/ledger/export.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import { ALICE, BOB, give, idOf, LEDGER, paymentOf, settleOf, START } from "../../shared/ledger/testing/ledger.ts";
import { NETWORK } from "../../shared/lez.ts";
import { memoryStore } from "../demo/memory-store.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { ExportFile } from "./export-file.ts";

const box = sandbox();
const rules = new LedgerRules(memoryStore(), { ledger: LEDGER, supply: 1000n, at: START });
give(rules, ALICE, 250n);
rules.settle(settleOf(paymentOf({ payer: ALICE, payee: BOB }), idOf(1)), START);
rules.retire(LEDGER, START);

const header = {
  format: "lez-agent-pay/ledger-export/1",
  network: NETWORK,
  ledger: LEDGER,
  supply: "1000",
  shards: 1,
  final: START,
} as const;

function opened(file: string, write = true): ExportFile {
  const open = ExportFile.open(file, write);
  if (!open.ok) throw new Error(open.error.message);
  return open.data;
}

/** Appends what is missing, at most so many pages. */
function goOn(file: ExportFile, pages = Infinity): void {
  if (!file.header) expect(file.begin(header).ok).toBe(true);
  for (let page = file.next; page && pages-- > 0; page = file.next) {
    const { shard, table, after } = page;
    const answer = rules.exportPage(table, after);
    if (!("rows" in answer)) throw new Error(answer.code);
    expect(file.append({ shard, table, rows: answer.rows })).toMatchObject({ ok: true });
  }
}

async function whole(name: string): Promise<{ path: string; text: string; digest: string }> {
  const path = box.path(name);
  const file = opened(path);
  goOn(file);
  expect(file.end()).toMatchObject({ ok: true });
  file.close();
  return { path, text: readFileSync(path, "utf8"), digest: file.complete?.digest ?? "" };
}

test("is read as it was written, with the same digest and sums", async () => {
  const { path, digest } = await whole("whole.jsonl");
  const file = opened(path, false);
  expect(await file.read()).toMatchObject({ ok: true });
  file.close();
  expect(file.complete).toEqual({ digest, summary: { accounts: 3, entries: 5, nonces: 2, holds: 0, sessions: 0 } });
});

test.each(EXPORTED_TABLES.map((_, pages) => pages))(
  "that broke off after %i pages and half a line goes on, to the same bytes [export-resumes]",
  async (pages) => {
    const { text, digest } = await whole(`whole-${pages}.jsonl`);
    const path = box.path(`cut-${pages}.jsonl`);
    const cut = opened(path);
    goOn(cut, pages);
    cut.close();
    appendFileSync(path, '{"shard":0,"table":"acc');
    const file = opened(path);
    expect(await file.read()).toMatchObject({ ok: true });
    expect(file.complete).toBeUndefined();
    goOn(file);
    file.end();
    file.close();
    expect([readFileSync(path, "utf8") === text, file.complete?.digest]).toEqual([true, digest]);
  },
);

describe("restore sends nothing of a file", () => {
  const restore = async (text: string) => {
    box.write("operator.key", "word", 0o600);
    writeFileSync(box.path("given.jsonl"), text, { mode: 0o600 });
    return box.run(["ledger", "restore", box.path("given.jsonl"), "--operator-key-file", box.path("operator.key")]);
  };

  test.each<[string, (text: string) => string, RegExp]>([
    ["that is not complete", (text) => text.split("\n").slice(0, -2).join("\n") + "\n", /is not complete/],
    ["of which a nonce was removed", (text) => text.replace(/,\{"payer"[^}]*\}/, ""), /line \d+: "the digest of shard 0 is another one"/],
    [
      "of which a balance was raised",
      (text) => text.replace('"balance":"100"', '"balance":"999"'),
      /line \d+: "the digest of shard 0 is another one"/,
    ],
    ["with a line behind the last one", (text) => `${text}{}\n`, /line \d+: "a line behind the last one"/],
    ["of another kind", () => '{"format":"lez-agent-pay/key/1"}\n', /line 1: "not the header of a ledger's export/],
    ["without lines", () => "", /is not complete/],
  ])("%s [restore-checks-first]", async (_what, change, problem) => {
    const { text } = await whole("good.jsonl");
    const run = await restore(change(text));
    expect([run.exit, run.json.error.code]).toEqual([EXIT.usage, "invalid_file"]);
    expect(run.json.error.message).toMatch(problem);
  });
});

test.each([
  ["of lines", "some notes\nof mine\n", "invalid_file"],
  ["without a line end", "precious", "file_exists"],
])("a file %s that is no export is not overwritten", async (_what, text, code) => {
  box.write("operator.key", "word", 0o600);
  writeFileSync(box.path("mine.txt"), text);
  const run = await box.run(["ledger", "export", "--out", box.path("mine.txt"), "--operator-key-file", box.path("operator.key")]);
  expect([run.exit, run.json.error.code, readFileSync(box.path("mine.txt"), "utf8")]).toEqual([EXIT.usage, code, text]);
});
