/** Part of `npm run sales`: a seller's day over real Workers and four shards. `TRANSCRIPT=file` keeps what the seller saw on its terminal. */

import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Buyer } from "../../agent-cli/demo/buyer.ts";
import { createKeyFile, resealKey } from "../../agent-cli/keys/key-file.ts";
import { Secret } from "../../agent-cli/runtime/secret.ts";
import { type Answer, PASSPHRASE, sandbox } from "../../agent-cli/testing/cli.ts";
import { bytesToHex, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_SECRET_KEY } from "../../shared/demo.ts";
import { keySigner } from "../../shared/protocol/signer.ts";
import { Receiver } from "../webhooks/receiver.ts";
import { receiptOf, useStack } from "./stack.ts";

const SALES = 200;
const ROUTES = ["/default", "/stocked/7", "/largest-kept", "/redelivered"];
const PRICE = 10_000n;
/** The message at which the seller's server hangs once. */
const HANGS_AT = 50;
const [SECRET, SHOP_KEY] = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "the-shops-key"];
/** A command that asks a question that has no answer here ends. */
const COMMAND_MILLIS = 30_000;
const WAIT = { timeout: 40_000, interval: 200 };

const receiver = await Receiver.open([SECRET]);
afterAll(() => receiver.close());
const settings = {
  WEBHOOK_URL: receiver.url,
  WEBHOOK_SECRET: SECRET,
  WEBHOOK_LOOPBACK: "on",
  OPERATOR_KEY_SHA256: bodyDigest(utf8(SHOP_KEY)),
};
const world = useStack({
  shards: 4,
  merchant: "workers/sellers-shop.ts",
  vars: { "lez-merchant": settings, "lez-facilitator": { BOOKS: "keyed" } },
});
const box = sandbox();
const transcript: string[] = [];
const orders: string[] = [];

beforeAll(async () => {
  const { account, publicKey } = await keySigner(DEMO_MERCHANT_SECRET_KEY);
  const plain = { ...(await createKeyFile("owner")), account, publicKey, secretKey: bytesToHex(DEMO_MERCHANT_SECRET_KEY) };
  const sealed = await resealKey(plain, undefined, new Secret(utf8(PASSPHRASE)));
  box.write("owner.json", sealed.ok ? sealed.data : {});
  box.write("shop.key", SHOP_KEY, 0o600);
  await box.run("doctor"); // makes the state directory
  const { facilitator, merchant, ledger } = world.stack;
  box.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../owner.json", merchantUrl: merchant });
});

const says = (...lines: string[]) => void transcript.push(...lines.map((line) => `# ${line}`), "");

/** Runs a command as a person reads it. @returns its exit code, and all that was on the screen */
async function run(line: string, answers: readonly Answer[] = []): Promise<{ exit: number; text: string }> {
  const env = { NO_COLOR: "1", TERM: "dumb" };
  const { exit, screen } = await box.run(line, { env, terminal: true, answers, signal: AbortSignal.timeout(COMMAND_MILLIS) });
  // What was typed is echoed by the terminal, all but a passphrase. Paths are shown as from the seller's folder.
  const typed = screen.replace("(y/N) ", "(y/N) y\n").replaceAll(`${box.directory}/`, "");
  transcript.push(`$ lez-agent-pay ${line}`, typed.trimEnd(), ...(exit === 0 ? [] : [`[exit ${exit}]`]), "");
  return { exit, text: screen };
}

/** Runs it again until it says so. Only the last time counts, and is in the transcript. */
async function until(line: string, isSo: (ran: { exit: number; text: string }) => boolean): Promise<void> {
  const before = transcript.length;
  await expect.poll(async () => (transcript.splice(before), isSo(await run(line))), WAIT).toBe(true);
}

async function buy(buyer: Buyer, path: string): Promise<{ status: number; transaction: string }> {
  const goods = { url: `${world.stack.merchant}${path}` };
  const response = await buyer.send(goods, await buyer.approved(goods));
  await response.arrayBuffer();
  return { status: response.status, transaction: receiptOf(response)?.transaction ?? "" };
}

const toldOf = (type: string) => new Set(receiver.arrivals.flatMap(({ event }) => (event.type === type ? [event.data.transaction] : [])));

test("200 sales over four routes, three refunds, one debt and two lost webhooks: everything adds up [seller-day]", async () => {
  says("In the morning: the first look asks for the passphrase, and lets this machine read for 30 days.");
  expect((await run("accounts", [["Passphrase of", PASSPHRASE]])).exit).toBe(0);

  const hung = () => receiver.arrivals[HANGS_AT - 1]?.id;
  receiver.behave = (id, time) => (time === 1 && id === hung() ? "hangs" : "takes");
  const buyers = await Promise.all(Array.from({ length: 8 }, () => world.buyer()));
  for (let i = 0; i < SALES - 1; i += buyers.length) {
    const some = buyers.slice(0, SALES - 1 - i).map((buyer, n) => buy(buyer, `${ROUTES[(i + n) % ROUTES.length]}?order=${i + n}`));
    for (const { status, transaction } of await Promise.all(some)) {
      expect(status).toBe(200);
      orders.push(transaction);
    }
  }
  // The one that hung comes again, under its id.
  await expect.poll(() => receiver.ids.filter((id) => id === hung()).length, WAIT).toBe(2);
  await expect.poll(() => toldOf("payment.settled"), WAIT).toEqual(new Set(orders));

  receiver.behave = () => "closes";
  const [first] = buyers;
  const owed = first && (await buy(first, "/owed"));
  expect(owed?.status).toBe(503);
  orders.push(owed?.transaction ?? "");

  says(`${SALES} purchases over four shards. The seller's server hung once, and was down at the end.`);
  await until(QUEUE, ({ text }) => text.includes("tries       2"));
  says("The server is up again. The next try may be hours away, so the seller orders it now.");
  receiver.behave = () => "takes";
  expect((await run(QUEUE.replace("list", "retry"))).exit).toBe(0);
  await until(QUEUE, ({ text }) => text.includes("No message waits."));
  expect([...toldOf("payment.undelivered")]).toEqual([owed?.transaction]);
  expect(toldOf("payment.settled")).toEqual(new Set(orders));
  expect(receiver.problems).toEqual([]);

  box.write("orders.csv", ["payment,units", ...orders.map((id) => `${id},${PRICE}`)].join("\n"));
  await until("sales reconcile ./orders.csv", ({ exit }) => exit === 0);

  const yes: readonly Answer[] = [
    ["back? (y/N) ", "y"],
    ["Passphrase of", PASSPHRASE],
  ];
  for (const rest of [orders[0], `${orders[1]} --amount 2500`, `${orders[2]} --amount 1`]) {
    const refunded = await run(`refund ${rest} --reason service_defective`, yes);
    expect(refunded.exit, refunded.text).toBe(0);
  }
  const summary = await run("sales summary");
  expect(summary.text).toContain(`0.002 LGO in ${SALES} sales`);
  expect(summary.text).toContain("0.000012501 LGO of it refunded");
  expect(summary.text).toContain("0.00001 LGO owed in 1 sale");
  for (const route of ["GET /default", "GET /stocked/:item", "GET /largest-kept", "GET /redelivered"])
    expect(summary.text).toMatch(new RegExp(`^ {2}${route} .*0\\.000(5|49) LGO in (50|49)`, "m"));
  expect((await run("sales owed")).text).toContain(owed?.transaction);
  expect((await run("sales reconcile ./orders.csv")).exit).toBe(0);

  says("A file with an order that was never paid, and without the first sale.");
  const wrong = [`${"ab".repeat(32)},5`, ...orders.slice(1).map((id) => `${id},${PRICE}`)];
  box.write("wrong.csv", ["payment,units", ...wrong].join("\n"));
  expect((await run("sales reconcile ./wrong.csv")).exit).toBe(24);
  const { TRANSCRIPT } = process.env;
  if (TRANSCRIPT) writeFileSync(TRANSCRIPT, transcript.join("\n"));
});

const QUEUE = "webhooks list --operator-key-file ./shop.key";
