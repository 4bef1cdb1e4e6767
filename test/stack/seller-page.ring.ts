/** The seller's page over real Workers: a sale is on it, for the holder of the key alone, and checked against the ledger. */

import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { PASSPHRASE, sandbox } from "../../agent-cli/testing/cli.ts";
import type { PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { sellerPage } from "../../workers/merchant/paywall/seller-page.ts";
import { registerWith, sale, SELLER_KEY } from "../paywall/seller-register.ts";
import { useStack } from "./stack.ts";

const vars = { "lez-merchant": { SELLER_KEY } };
const open = useStack({ vars });
const sharded = useStack({ vars, shards: 4 });
const keyed = useStack({ vars: { ...vars, "lez-facilitator": { BOOKS: "keyed" } } });

const FITS = "fit the ledger, payment by payment";

type World = ReturnType<typeof useStack>;
async function buy({ stack, buyer }: World, path: string): Promise<void> {
  const someone = await buyer();
  const request = { url: `${stack.merchant}${path}` };
  expect((await someone.send(request, await someone.approved(request))).status).toBe(200);
}
const ask = ({ stack }: World, query = "", authorization = `Basic ${btoa(`seller:${SELLER_KEY}`)}`) =>
  fetch(`${stack.merchant}/seller${query}`, { headers: { Authorization: authorization } });

describe.each([
  ["one shard", open],
  ["four shards", sharded],
])("over %s the demo merchant", (_, world) => {
  test("shows its seller what it sold, as a page that fits the signed journal, and as a file [seller-page-stack]", async () => {
    for (const path of ["/premium", "/archive"]) await buy(world, path);
    expect((await ask(world, "", "Bearer another")).status).toBe(401);
    const page = async () => (await ask(world)).text();
    // Sales are recorded after their answers, and reach the payee's shard after them.
    await expect.poll(page, { timeout: 30_000 }).toContain("0.00002 LGO in 2");
    await expect.poll(page, { timeout: 30_000 }).toContain(FITS);
    expect(await page()).toContain("The ledger signed the last one");
    expect(await (await ask(world, "?format=csv", `Bearer ${SELLER_KEY}`)).text()).toMatch(/"GET \/premium","10000","0.00001","delivered"/);
  });
});

describe("where books are keyed", () => {
  const box = sandbox();

  test("the page checks nothing without an access, and says how to make one", async () => {
    await buy(keyed, "/premium");
    const page = async () => (await ask(keyed)).text();
    await expect.poll(page, { timeout: 30_000 }).toContain("GET /premium");
    expect(await page()).toContain("books of this ledger are closed to this page");
    expect(await page()).not.toContain(FITS);
  });

  test("it reads the journal with what `books grant --new-key` wrote, until the owner revokes it [seller-page-granted]", async () => {
    box.write("secret.txt", PASSPHRASE);
    const run = (line: string) => box.run(line, { env: { LEZ_FACILITATOR_URL: keyed.stack.facilitator } });
    const withKey = "--passphrase-file ./secret.txt";
    const { account } = (await run(`owner create ${withKey}`)).json.data as { account: string };
    expect((await run("faucet --amount 1000")).exit).toBe(EXIT.ok);
    for (const words of ["", `${"8a".repeat(32)} --new-key`])
      expect((await run(`books grant ${words} --out ./no.json ${withKey}`)).exit).toBe(EXIT.usage);
    const granted = await run(`books grant --new-key --out ./access.json ${withKey}`);
    expect([granted.exit, granted.json.data]).toMatchObject([EXIT.ok, { account, secret: true }]);
    expect((await run("books import ./access.json")).json.error.code).toBe("invalid_file");

    const app = new Hono<PaywallEnv>().route("/", sellerPage());
    const page = async () => {
      const { DELIVERIES } = registerWith(new Map([[0, [sale()]]]), account);
      const env = { PAY_TO: account, SELLER_KEY, DELIVERIES, FACILITATOR_URL: keyed.stack.facilitator };
      const access = { SELLER_ACCESS: JSON.stringify(box.read("access.json")) };
      return (
        await app.request("https://shop.example/", { headers: { Authorization: `Bearer ${SELLER_KEY}` } }, { ...env, ...access })
      ).text();
    };
    expect(await page()).toContain("Entries 1 to 1 of the account&#39;s journal");
    expect(await page()).toMatch(/Other money in<\/dt><dd>0.000001 LGO in 1/);
    expect((await run(`books revoke ${withKey}`)).exit).toBe(EXIT.ok);
    expect(await page()).toContain("it may have been revoked");
  });
});
