/** What of the explorer needs no browser: its build, its addresses, and how it reads. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { memoryStore } from "../../../agent-cli/demo/memory-store.ts";
import { buildExplorer } from "../../../scripts/build-explorer.ts";
import type { JournalEntry } from "../../../shared/ledger/journal.ts";
import { busyLedger } from "../../../shared/ledger/testing/checkpoint.ts";
import { ALICE, LEDGER } from "../../../shared/ledger/testing/ledger.ts";
import type { Reader } from "./client.ts";
import { type Books, openBooks, PAGES_AT_ONCE, readOn } from "./read-books.ts";
import { linkTo, routeOf } from "./router.ts";

const MAX_PAGE_BYTES = 60 * 1024;

describe("the build", () => {
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), "lez-explorer-")));
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));
  const filesOf = (folder: string) => Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));

  test("makes the same bytes twice, at most 60 KiB of them gzipped, that name no other origin [explorer-build]", async () => {
    for (const folder of folders) await buildExplorer(join(folder, "page"), folder);
    const [first = {}, second] = folders.map((folder) => filesOf(join(folder, "page")));
    expect(second).toEqual(first);
    expect(Object.keys(first).sort()).toEqual(["explorer.css", "explorer.js", "icon.svg", "index.html", "start.js"]);
    const size = Object.values(first).reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0);
    expect(size).toBeLessThanOrEqual(MAX_PAGE_BYTES);
    const page = ["index.html", "explorer.css", "explorer.js"].map((name) => first[name]?.toString("utf8")).join("");
    expect(page).not.toMatch(/https?:|\/\/[a-z]|@import|url\(/);
    expect(/document\.write|\beval\(|new Function/.exec(first["start.js"]?.toString("utf8") ?? "")?.[0]).toBeUndefined();
  });

  test("no source of it sets markup", () => {
    const sources = readdirSync(import.meta.dirname).filter((name) => /\.tsx?$/.test(name) && !name.includes(".test."));
    expect(sources.length).toBeGreaterThan(10);
    for (const name of sources)
      expect(readFileSync(join(import.meta.dirname, name), "utf8"), name).not.toMatch(/innerHTML|outerHTML|insertAdjacent|InnerHTML/);
  });
});

test("an address names a page; one that names none is the first", () => {
  const transaction = "5a".repeat(32);
  const routes = [
    { page: "home" },
    { page: "ledger" },
    { page: "account", account: ALICE },
    { page: "transaction", account: ALICE, transaction },
  ] as const;
  for (const route of routes) expect(routeOf(linkTo(route))).toEqual(route);
  for (const hash of ["", "#", "#/account/no", `#/${transaction}`, "#open=abc"]) expect(routeOf(hash)).toEqual({ page: "home" });
});

/** A facilitator of the ledger, which pages its journal and changes what it likes. */
function facilitator({ size = 2, lie = (entry: JournalEntry) => entry, failsAfter = Infinity } = {}): Reader {
  const { rules } = busyLedger(memoryStore(), 4);
  const entries = rules.journal(ALICE, 0, 100).map(lie);
  const answers = (path: string): unknown => {
    const after = /after=(\d+)$/.exec(path)?.[1];
    if (path === "/health") return { ledger: LEDGER };
    if (after === undefined) return path.endsWith(ALICE) ? rules.account(ALICE) : undefined;
    return Number(after) > failsAfter ? undefined : { entries: entries.slice(Number(after), Number(after) + size) };
  };
  return {
    get: (path) => {
      const data = answers(path);
      const code = path.includes("checkpoint") ? "absent" : "away";
      return Promise.resolve(data === undefined ? { ok: false, problem: { code, message: code } } : { ok: true, data: data as never });
    },
  };
}

async function readAll(reader: Reader, from?: Books): Promise<Books> {
  const opened = from ? { books: from } : await openBooks(reader, ALICE);
  if (!("books" in opened)) throw new Error(opened.problem.message);
  let last = opened.books;
  for await (const books of readOn(reader, ALICE, opened.books)) last = books;
  return last;
}

describe("books", () => {
  test("are read page by page to their end, and their ledger signs nothing", async () => {
    const books = await readAll(facilitator());
    expect(books).toMatchObject({ state: "whole", signature: { state: "unsigned" } });
    expect(books.entries.length).toBe(books.account.journalSeq);
  });

  test("stop at the first entry that differs, with those before it [explorer-stops]", async () => {
    const books = await readAll(
      facilitator({ lie: (entry) => (entry.seq === "4" ? { ...entry, at: String(Number(entry.at) ^ 1) } : entry) }),
    );
    expect(books).toMatchObject({ state: "differs", difference: { entry: "4", problem: "it does not have the hash of what it says" } });
    expect(books.entries.map(({ seq }) => seq)).toEqual(["1", "2", "3"]);
  });

  test("keep what was read when a page does not come, and go on from there", async () => {
    const books = await readAll(facilitator({ failsAfter: 2 }));
    expect(books).toMatchObject({ state: "paused", problem: { code: "away" } });
    expect(books.entries.length).toBe(4);
    const on = await readAll(facilitator(), books);
    expect([on.state, on.problem, on.entries.length]).toEqual(["whole", undefined, on.account.journalSeq]);
  });

  test("of many pages wait for their reader; a journal that ends early differs", async () => {
    expect(PAGES_AT_ONCE).toBeGreaterThan(1);
    const short = facilitator();
    const cut: Reader = {
      get: (path, ...rest) =>
        path.endsWith("after=4") ? Promise.resolve({ ok: true, data: { entries: [] } as never }) : short.get(path, ...rest),
    };
    expect(await readAll(cut)).toMatchObject({ state: "differs", difference: { problem: "the journal ends after entry 4" } });
  });
});
