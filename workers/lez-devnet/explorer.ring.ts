import { expect, test } from "vitest";
import { explorerPage, PAGE_HEADERS } from "./explorer.ts";
import type { RpcChain } from "./rpc.ts";
import { chainWith, keyOf, transfer } from "./testing/devnet-chain.ts";

const [alice, bob] = [keyOf("alice"), keyOf("bob")];
const chain = chainWith([[alice, 1_000_000n]]);
chain.send(transfer(alice, { to: bob.account, value: 12_345n, maxFee: 54_321n }));
for (let block = 0; block < 30; block++) chain.produce(1_700_000_000_000 + block * 2000);

const get = (path: string, before: string | null = null, of: RpcChain = chain) => explorerPage(path, before, of);

test("the list has the newest blocks and a way to the older ones [devnet-explorer]", () => {
  const { status, html } = get("/explorer");
  expect(status).toBe(200);
  expect([...html.matchAll(/<h2><a href="\/explorer\/block\/(\d+)">/g)].map(([, id]) => Number(id))).toEqual(
    Array.from({ length: 20 }, (_, index) => 31 - index),
  );
  expect(html).toContain('href="/explorer?before=12"');
  expect(get("/explorer", "12").html).toContain("/explorer/block/1");
  expect(get("/explorer/").html).toBe(html);
});

test("a block has its transactions decoded", () => {
  const { html } = get("/explorer/block/2");
  for (const shown of [alice.account, bob.account, "12345 lepta", "54321 lepta", "Fees of the block", "Clock", "Message hash (H)"]) {
    expect(html).toContain(shown);
  }
  expect(html).toContain("2968 lepta"); // what it earned
});

test("an account has its balance, its nonce, and what named it lately", () => {
  const recent = chainWith([[alice, 1_000_000n]]);
  recent.send(transfer(alice, { to: bob.account, value: 12_345n }));
  recent.produce(1);
  const { html } = get(`/explorer/account/${bob.account}`, null, recent);
  expect(html).toMatch(/12345 lepta.*Nonce<\/dt><dd>0/s);
  expect(html).toContain('Transfer in <a href="/explorer/block/2">');
  expect(get(`/explorer/account/${keyOf("nobody").account}`).html).toContain("never used");
});

test.each([
  "/explorer/block/32",
  "/explorer/block/0",
  "/explorer/block/1e1",
  "/explorer/block/99999999999999999999",
  "/explorer/account/<script>alert(1)</script>",
  `/explorer/account/${bob.account}/more`,
  "/explorer/nothing",
])("%s is not there, and is not repeated", (path) => {
  const { status, html } = get(path);
  expect(status).toBe(404);
  expect(html).not.toContain("script");
});

test.each(["x", "-1", "0", '"><script>', "1e9"])("?before=%s is ignored", (before) => {
  expect(get("/explorer", before)).toEqual(get("/explorer"));
});

test("a page has a language, one heading of the first level, no script, and a policy that lets none run", () => {
  for (const path of ["/explorer", "/explorer/block/2", `/explorer/account/${alice.account}`]) {
    const { html } = get(path);
    expect(html.match(/<h1>/g)).toHaveLength(1);
    expect(html).toMatch(/<html lang="en">.*width=device-width.*color-scheme: light dark.*overflow-wrap: anywhere/s);
    expect(html).not.toMatch(/<script|javascript:| on\w+=/);
  }
  expect(PAGE_HEADERS["Content-Security-Policy"]).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'/);
});
