/** What of the page needs no browser: its build, its widths, its addresses. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { buildDesk } from "../../../scripts/build-desk.ts";
import { widthOf } from "../../../shared/screen/bar.ts";
import { bars } from "./bars.ts";
import { linkTo, routeOf } from "./router.ts";

const MAX_PAGE_BYTES = 60 * 1024;

/** All files together, as they travel. */
const gzipped = (files: Record<string, Uint8Array>) =>
  Object.values(files).reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0);

describe("the build", () => {
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), "lez-desk-")));
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));
  const filesOf = (folder: string) => Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));

  test("makes the same bytes twice, at most 60 KiB of them gzipped, that name no other origin [desk-build]", async () => {
    const built = [];
    for (const folder of folders) {
      await buildDesk(folder);
      built.push(filesOf(folder));
    }
    const [first = {}, second] = built;
    expect(second).toEqual(first);
    expect(Object.keys(first).sort()).toEqual(["chunk.js", "desk.css", "desk.js", "hosted.js", "icon.svg", "index.html", "local.js"]);
    for (const other of ["local.js", "hosted.js"])
      expect(gzipped({ ...first, [other]: Buffer.alloc(0) })).toBeLessThanOrEqual(MAX_PAGE_BYTES);
    const page = ["index.html", "desk.css", "desk.js"].map((name) => first[name]?.toString("utf8")).join("");
    expect(page).not.toMatch(/https?:|\/\/[a-z]|@import|url\(/);
    expect(/document\.write|\beval\(|new Function/.exec(first["chunk.js"]?.toString("utf8") ?? "")?.[0]).toBeUndefined();
  });
});

test("no source of it sets markup", () => {
  const sources = readdirSync(import.meta.dirname, { encoding: "utf8", recursive: true }).filter(
    (name) => /\.tsx?$/.test(name) && !name.includes(".test."),
  );
  expect(sources.length).toBeGreaterThan(10);
  for (const name of sources)
    expect(readFileSync(join(import.meta.dirname, name), "utf8"), name).not.toMatch(/innerHTML|outerHTML|insertAdjacent|InnerHTML/);
});

test.each<[bigint, bigint, number]>([
  [0n, 100n, 0],
  [1n, 10n ** 30n, 1],
  [333n, 1000n, 33.3],
  [10n ** 30n, 10n ** 30n, 100],
  [2n, 1n, 100],
  [1n, 0n, 0],
])("%i of %i is drawn %d wide", (part, whole, width) => {
  expect(widthOf(part, whole)).toBe(width);
});

test("what is spent and what is held never exceed the whole", () => {
  expect(bars(99n, 1n, 100n)).toEqual({ spentWidth: 99, heldWidth: 1 });
  expect(bars(100n, 1n, 100n)).toEqual({ spentWidth: 100, heldWidth: 0 });
  expect(bars(0n, 0n, 100n)).toEqual({ spentWidth: 0, heldWidth: 0 });
});

test("an address names a page; one that names none is the inbox", () => {
  const request = "5a".repeat(32);
  const routes = [
    { page: "inbox" },
    { page: "all" },
    { page: "allowances" },
    { page: "history" },
    { page: "request", request },
    { page: "receipt", request },
  ] as const;
  for (const route of routes) expect(routeOf(linkTo(route))).toEqual(route);
  for (const hash of ["", "#", "#/request/../etc", "#/request/7F3K-9QPD", "#/elsewhere", `#${"ab".repeat(32)}`])
    expect(routeOf(hash)).toEqual({ page: "inbox" });
});
