/** Part of `npm run sales`: a seller's day over real Workers and four shards. `TRANSCRIPT=file` keeps what its commands printed. */

import { writeFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import type { Buyer } from "../../agent-cli/demo/buyer.ts";
import { createKeyFile } from "../../agent-cli/keys/key-file.ts";
import { type Answer, sandbox } from "../../agent-cli/testing/cli.ts";
import { bytesToHex } from "../../shared/crypto/bytes.ts";
import { DEMO_MERCHANT_SECRET_KEY } from "../../shared/demo.ts";
import { keySigner } from "../../shared/protocol/signer.ts";
import { receiptOf, useStack } from "./stack.ts";

const SALES = 200;
const ROUTES = ["/default", "/stocked/7", "/largest-kept", "/redelivered"];
const PRICE = 10_000n;

const world = useStack({ shards: 4, merchant: "../workerd/counting-merchant.ts" });
const box = sandbox();
const transcript: string[] = [];
const orders: string[] = [];

beforeAll(async () => {
  const { account, publicKey } = await keySigner(DEMO_MERCHANT_SECRET_KEY);
  box.write("owner.json", { ...(await createKeyFile("owner")), account, publicKey, secretKey: bytesToHex(DEMO_MERCHANT_SECRET_KEY) });
});

/** Runs a command as a person reads it. @returns what it printed on stdout */
async function run(words: string[], answers?: readonly Answer[]): Promise<{ exit: number; text: string }> {
  const isSales = words[0] === "sales";
  const argv = [...words, "--owner-file", box.path("owner.json"), ...(isSales ? ["--merchant-url", world.stack.merchant] : [])];
  const env = { LEZ_FACILITATOR_URL: world.stack.facilitator, NO_COLOR: "1" };
  const { exit, stdout, stderr } = await box.run(argv, { env, terminal: true, ...(answers && { answers }) });
  transcript.push(`$ lez-agent-pay ${words.join(" ")}`, ...[stdout, stderr].filter((text) => text !== ""), `[exit ${exit}]`, "");
  return { exit, text: stdout };
}

async function buy(buyer: Buyer, path: string): Promise<{ status: number; transaction: string }> {
  const goods = { url: `${world.stack.merchant}${path}` };
  const response = await buyer.send(goods, await buyer.approved(goods));
  await response.arrayBuffer();
  return { status: response.status, transaction: receiptOf(response)?.transaction ?? "" };
}

test("200 sales over four routes, three refunds and one debt: summary and reconcile are exact", async () => {
  const buyers = await Promise.all(Array.from({ length: 8 }, () => world.buyer()));
  for (let i = 0; i < SALES - 1; i += buyers.length) {
    const some = buyers.slice(0, SALES - 1 - i).map((buyer, n) => buy(buyer, `${ROUTES[(i + n) % ROUTES.length]}?order=${i + n}`));
    for (const { status, transaction } of await Promise.all(some)) {
      expect(status).toBe(200);
      orders.push(transaction);
    }
  }
  const [first] = buyers;
  const owed = first && (await buy(first, "/owed"));
  expect(owed?.status).toBe(503);
  orders.push(owed?.transaction ?? "");

  const file = box.write("orders.csv", ["payment,units", ...orders.map((id) => `${id},${PRICE}`)].join("\n"));
  await expect.poll(async () => (await run(["sales", "reconcile", file])).exit, { timeout: 120_000, interval: 1000 }).toBe(0);
  transcript.length = 0;

  const yes: readonly Answer[] = [["back?", "y"]];
  for (const [transaction = "", ...amount] of [[orders[0]], [orders[1], "--amount", "2500"], [orders[2], "--amount", "1"]] as const) {
    const refunded = await run(["refund", transaction, "--reason", "service_defective", ...amount.map(String)], yes);
    expect(refunded.exit).toBe(0);
  }
  const summary = await run(["sales", "summary"]);
  expect(summary.text).toContain(`0.002 LGO in ${SALES} sales`);
  expect(summary.text).toContain("0.000012501 LGO of it refunded");
  expect(summary.text).toContain("0.00001 LGO owed in 1 sale");
  for (const route of ["GET /default", "GET /stocked/:item", "GET /largest-kept", "GET /redelivered"])
    expect(summary.text).toMatch(new RegExp(`^ {2}${route} .*0\\.000(5|49) LGO in (50|49)`, "m"));
  expect((await run(["sales", "owed"])).text).toContain(owed?.transaction);
  expect((await run(["sales", "reconcile", file])).exit).toBe(0);

  const wrong = box.write(
    "wrong.csv",
    ["payment,units", `${"ab".repeat(32)},5`, ...orders.slice(1).map((id) => `${id},${PRICE}`)].join("\n"),
  );
  expect((await run(["sales", "reconcile", wrong])).exit).toBe(24);
  const { TRANSCRIPT } = process.env;
  if (TRANSCRIPT) writeFileSync(TRANSCRIPT, transcript.join("\n"));
});
