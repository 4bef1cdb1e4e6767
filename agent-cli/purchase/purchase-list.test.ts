/** A list that is cut says so, and its pages together are the whole list. */

import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { requestDigest } from "../../shared/protocol/payment-request.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { fillInbox } from "../testing/inbox.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const { ask } = await people(box);

interface Listed {
  requests: { requestDigest: string }[];
  unreadable: string[];
  nextCursor?: string;
}
const list = async (words: string) => (await box.run(words)).json.data as unknown as Listed;

test("250 requests come in three pages, each once, whatever arrives meanwhile [list-pages]", async () => {
  await ask(merchant.url, "first.json");
  const digests = new Set(fillInbox(box, box.read<PaymentRequest>("first.json"), 249));
  digests.add(requestDigest(box.read("first.json")));
  const seen: string[] = [];
  const sizes: number[] = [];
  let cursor = "";
  do {
    const page = await list(`request list ${cursor}`);
    seen.push(...page.requests.map((request) => request.requestDigest));
    sizes.push(page.requests.length);
    cursor = page.nextCursor === undefined ? "" : `--cursor ${page.nextCursor}`;
    if (sizes.length === 1) await ask(merchant.url, "second.json");
  } while (cursor !== "");
  expect(sizes).toEqual([100, 100, 50]);
  expect(seen.length).toBe(250);
  expect(new Set(seen)).toEqual(digests);
});

test("a page that is cut names the next, for people too; a whole one does not", async () => {
  const { nextCursor = "" } = await list("request list --limit 2");
  for (const words of ["request list --limit 2", "inbox --limit 2"]) {
    const { stdout } = await box.run(words, { terminal: true });
    expect(stdout).toContain(`There are more. Repeat the command with:\n  --cursor ${nextCursor}\n`);
  }
  expect((await list("request list --state paid")).nextCursor).toBeUndefined();
  expect((await list(`request list --limit 1 --state pending --cursor ${nextCursor}`)).requests.length).toBe(1);
});

test("unreadable files count, so a page of them is cut as well", async () => {
  const { requests } = await list("request list --limit 3");
  for (const { requestDigest: digest } of requests.slice(0, 2)) box.write(`home/inbox/${digest}.request.json`, "{");
  const page = await list("request list --limit 2");
  expect([page.unreadable.length + page.requests.length, typeof page.nextCursor]).toEqual([2, "string"]);
});

test.each(["--limit 0", "--limit 101", "--limit 1.5", "--cursor 7F3K-9QPD", `--cursor ${"0".repeat(64)}`])(
  "%s is refused",
  async (words) => {
    expect(await box.run(`request list ${words}`)).toMatchObject({ exit: EXIT.usage, json: { error: { code: "usage" } } });
  },
);

test("a cursor whose request has gone is said as such", async () => {
  const { nextCursor = "" } = await list("request list --limit 5");
  rmSync(box.path(`home/inbox/${nextCursor}.request.json`));
  const { error } = (await box.run(`request list --cursor ${nextCursor}`)).json;
  expect(error).toMatchObject({ code: "usage", hint: "List from the start, without a cursor." });
});
