/** What of the page needs no browser: its build, its widths, its addresses. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test, vi } from "vitest";
import { buildDesk } from "../../../scripts/build-desk.ts";
import { digest } from "../../../shared/crypto/digest.ts";
import { displayAmount } from "../../../shared/protocol/amount.ts";
import type { Login } from "../../../shared/protocol/desk.ts";
import { newPolicy } from "../../../shared/protocol/policy.ts";
import { widthOf } from "../../../shared/screen/bar.ts";
import { LEDGER, NOW, owner, SESSION } from "../../../test/fixtures.ts";
import { bars } from "./bars.ts";
import { accountOfKept, usablePasskeys } from "./hosted/account.ts";
import { digestOf, shownOf, type ToProve } from "./hosted/to-prove.ts";
import { linkTo, routeOf } from "./router.ts";

/** The whole of a local desk. */
const MAX_LOCAL_BYTES = 58.5 * 1024;
/** What the usual visit of a hosted desk loads: sign in, read a request, decide. */
const MAX_HOSTED_BYTES = 60 * 1024;
/** What is loaded when it is first shown: allowances, history and receipts; reading a request on the chain itself. */
const MAX_LOOKING_BYTES = 6.75 * 1024;
/** New accounts, with the sealing of a key; pairing; granting; settings; keys elsewhere. */
const MAX_MORE_BYTES = 17 * 1024;
/** A visit of a hosted desk that opens every page of it. */
const MAX_WHOLE_BYTES = 81 * 1024;

/** As they travel. */
const gzipped = (files: [name: string, bytes: Uint8Array][]) =>
  files.reduce((sum, [, bytes]) => sum + gzipSync(bytes, { level: 9 }).length, 0);

describe("the build", () => {
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), "lez-desk-")));
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));
  const filesOf = (folder: string) => Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));

  test("makes the same bytes twice, of which the usual visit loads at most 60 KiB gzipped, and that name no other origin [desk-build]", async () => {
    const built = [];
    for (const folder of folders) {
      await buildDesk(folder);
      built.push(filesOf(folder));
    }
    const [first = {}, second] = built;
    expect(second).toEqual(first);
    const names = ["chunk-1.js", "chunk-2.js", "chunk-3.js", "chunk-4.js", "chunk-5.js"];
    const scripts = [...names, "desk.js", "hosted.js", "local.js", "looking.js", "more.js"];
    expect(Object.keys(first).sort()).toEqual([...scripts, "desk.css", "icon.svg", "index.html"].sort());
    const imports = (name: string) =>
      [...String(first[name]).matchAll(/(?:from|import)\s*"\.\/([\w-]+\.js)"/g)].flatMap(([, file = ""]) => file);
    /** These and all that they import at once. */
    const visit = (...loaded: string[]): Set<string> => {
      const all = new Set(loaded);
      for (const name of all) for (const file of imports(name)) all.add(file);
      return all;
    };
    const size = (...loaded: string[]) => gzipped(Object.entries(first).filter(([name]) => visit(...loaded).has(name)));
    const frame = ["index.html", "desk.css", "icon.svg", "desk.js"];
    const usual = size(...frame, "hosted.js");
    expect(usual).toBeLessThanOrEqual(MAX_HOSTED_BYTES);
    expect(size(...frame, "hosted.js", "looking.js") - usual).toBeLessThanOrEqual(MAX_LOOKING_BYTES);
    expect(size(...frame, "hosted.js", "more.js") - usual).toBeLessThanOrEqual(MAX_MORE_BYTES);
    expect(size(...frame, "hosted.js", "looking.js", "more.js")).toBeLessThanOrEqual(MAX_WHOLE_BYTES);
    expect(size(...frame, "local.js", "looking.js")).toBeLessThanOrEqual(MAX_LOCAL_BYTES);
    const page = ["index.html", "desk.css", "desk.js"].map((name) => first[name]?.toString("utf8")).join("");
    expect(page).not.toMatch(/https?:|\/\/[a-z]|@import|url\(/);
    for (const name of scripts) expect(/document\.write|\beval\(|new Function/.exec(String(first[name]))?.[0], name).toBeUndefined();
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

describe("what a passkey signs", () => {
  const login: Login = { version: "1", origin: "https://desk.example", account: owner.account, nonce: LEDGER, issuedAt: String(NOW) };

  test("is an object of this protocol, by its own digest: what a server gives is inside of it [passkey-own-challenge]", () => {
    expect(digestOf({ type: "Login", object: login })).toBe(digest("Login", login));
    expect(digestOf({ type: "Login", object: login })).not.toBe(login.nonce);
  });

  test("has a renderer, or is not signed; one file asks for passkeys [passkey-renderers]", () => {
    expect(shownOf({ type: "Login", object: login })?.facts.map(({ value }) => value)).toEqual([login.origin, login.account]);
    for (const type of ["Refund", "BooksAccess", "constructor", "__proto__"])
      expect(shownOf({ type, object: login } as unknown as ToProve), type).toBeUndefined();
    const asks = (name: string) => readFileSync(join(import.meta.dirname, name), "utf8").includes("navigator.credentials.");
    const sources = readdirSync(import.meta.dirname, { encoding: "utf8", recursive: true }).filter((name) => /\.tsx?$/.test(name));
    expect(sources.filter((name) => !name.includes(".test.") && asks(name))).toEqual([join("hosted", "passkey.ts")]);
  });

  test("shows strangers' words by their numbers, and its sum first", () => {
    const setting = { version: "1", desk: login.origin, account: owner.account, setting: "webhook.add" } as const;
    const object = { ...setting, value: "a\u202Eb", issuedAt: String(NOW), nonce: LEDGER };
    expect(JSON.stringify(shownOf({ type: "DeskSetting", object })?.facts)).toContain("a⟦U+202E⟧b");
    const shown = shownOf({ type: "Session", object: SESSION });
    expect(shown?.facts.slice(0, 2)).toEqual([
      { label: "Set aside", value: `${displayAmount(SESSION.deposit)} = ${SESSION.deposit} units`, strong: true },
      { label: "For", value: SESSION.to, strong: true },
    ]);
  });
});

test("a passkey of another site, or of another account, is not asked [passkey-of-this-site]", () => {
  vi.stubGlobal("location", { hostname: "desk.example" });
  const made = (rpId: string, publicKey: string) => ({ credentialId: "AAAA", publicKey, rpId, label: "Phone" });
  const own = made("desk.example", "02".repeat(33));
  const [foreign, other] = [made("www.desk.example", own.publicKey), made("desk.example", "03".repeat(33))];
  const policy = newPolicy(1, [own, foreign].map(accountOfKept));
  if (!policy.ok) throw new Error(policy.problem);
  // The policy has the other site's key, which signs there.
  expect(usablePasskeys({ ...policy, passkeys: [foreign, other, own] })).toEqual([own]);
  expect(usablePasskeys({ account: accountOfKept(own), passkeys: [foreign, other, own] })).toEqual([own]);
  vi.unstubAllGlobals();
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
    { page: "grant", request },
    { page: "settings" },
    { page: "key" },
    { page: "pair", link: `${request}.${"0f".repeat(16)}` },
    { page: "account", link: "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj" },
  ] as const;
  for (const route of routes) expect(routeOf(linkTo(route))).toEqual(route);
  for (const hash of ["", "#", "#/request/../etc", "#/request/7F3K-9QPD", "#/elsewhere", "#/pair/", "#/account/<b>", `#${"ab".repeat(32)}`])
    expect(routeOf(hash)).toEqual({ page: "inbox" });
});
