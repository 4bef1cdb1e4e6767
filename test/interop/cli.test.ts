/** The executable, as an agent and an owner run it, pays official merchants and ours. The rows of spec/interop.md name these tests. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { randomDigest } from "../../shared/digest.ts";
import { type PaymentRequest, requestDigest, shortCode } from "../../shared/payment-request.ts";
import { useStack } from "../stack/stack.ts";
import { officialMerchant, PRICE } from "./official.ts";

const BIN = join(import.meta.dirname, "../../agent-cli/bin.js");
const REASON = "You asked for this comparison; the merchant has its figures.";
const world = useStack();

let directory: string;
let account: string;
type Envelope = { ok: boolean; data: Record<string, unknown>; error?: { code: string } };
type Run = { exit: number; json: Envelope };

/** Runs `lez-agent-pay <words> --json` in the people's directory. */
function cli(...words: string[]): Promise<Run> {
  const { promise, resolve } = Promise.withResolvers<Run>();
  const env = { PATH: process.env["PATH"], LEZ_AGENT_PAY_HOME: join(directory, "home") };
  execFile(process.execPath, [BIN, ...words, "--json"], { cwd: directory, env }, (error, stdout) => {
    resolve({ exit: typeof error?.code === "number" ? error.code : 0, json: JSON.parse(stdout || "{}") as Envelope });
  });
  return promise;
}

async function balance(): Promise<bigint> {
  const answer = (await (await fetch(`${world.stack.facilitator}/accounts/${account}`)).json()) as { balance: string };
  return BigInt(answer.balance);
}

/** The agent asks, the owner reads the short code and approves. The name of the payment's file. */
async function approved(url: string): Promise<string> {
  const name = randomDigest().slice(0, 8);
  const request = await cli("request", "create", url, "--reason", REASON, "--agent-file", "agent.json", "--out", `${name}.json`);
  expect(request.json, JSON.stringify(request.json)).toMatchObject({ ok: true });
  const code = shortCode(requestDigest(JSON.parse(await readFile(join(directory, `${name}.json`), "utf8")) as PaymentRequest));
  const owner = ["--owner-file", "owner.json", "--passphrase-file", "secret.txt"];
  const approval = await cli(
    "owner",
    "approve",
    "--request-file",
    `${name}.json`,
    ...owner,
    "--confirm",
    code,
    "--out",
    `${name}-paid.json`,
  );
  expect(approval.json, JSON.stringify(approval.json)).toMatchObject({ ok: true });
  return `${name}-paid.json`;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lez-interop-"));
  await writeFile(join(directory, "secret.txt"), "correct horse battery", { mode: 0o600 });
  await cli("agent", "create", "--out", "agent.json");
  await cli("owner", "create", "--out", "owner.json", "--passphrase-file", "secret.txt");
  account = (JSON.parse(await readFile(join(directory, "owner.json"), "utf8")) as { account: string }).account;
  await fetch(`${world.stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account, id: randomDigest() }) });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test.each(["authorization", "upfront"])("our CLI pays an official merchant, flow %s, and pays it once", async (flow) => {
  const shop = await officialMerchant(new HTTPFacilitatorClient({ url: world.stack.facilitator }));
  const before = await balance();
  const payment = await approved(shop.url(`/${flow}`));
  const paid = await cli("pay", payment);
  expect(paid, JSON.stringify(paid.json)).toMatchObject({ exit: 0, json: { ok: true } });
  expect(shop.runs).toEqual([`/${flow}`]);
  expect(await balance()).toBe(before - PRICE);
  await cli("pay", payment);
  expect(await balance()).toBe(before - PRICE);
  expect(shop.runs).toEqual([`/${flow}`]);
});

test("our CLI tells the owner whether an official merchant's payment is tied to the request", async () => {
  const shop = await officialMerchant(new HTTPFacilitatorClient({ url: world.stack.facilitator }));
  const bound = await cli("pay", await approved(shop.url("/bound")));
  expect(bound, JSON.stringify(bound.json)).toMatchObject({ exit: 0 });
});

test("our CLI pays our merchant", async () => {
  const before = await balance();
  const paid = await cli("pay", await approved(`${world.stack.merchant}/premium`));
  expect(paid, JSON.stringify(paid.json)).toMatchObject({ exit: 0, json: { ok: true } });
  expect(await balance()).toBe(before - PRICE);
});
