/**
 * `npm run restore`: a ledger of four shards with 1,000 payments and open holds is retired, exported and restored under a new id, over
 * raw workerd on disk. workerd and the command line are killed in between and go on. In the end every balance is what it was, the supply
 * is exact to the unit, and no payment of the old ledger is paid on the new one.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { BIN } from "../../agent-cli/testing/built.ts";
import { sandbox } from "../../agent-cli/testing/cli.ts";
import { bundleScript } from "../../scripts/build-workers.ts";
import { Workerd } from "../../scripts/workerd.ts";
import { randomBytes, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../shared/crypto/digest.ts";
import type { LedgerAudit } from "../../shared/ledger/consolidate.ts";
import { treasuryOf } from "../../shared/ledger/shards.ts";
import { accountOfBytes, type AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { newPayer, randomId, type SignedPayment, signedPayment } from "../signed.ts";

const PAYMENTS = Number(process.env["RESTORE_PAYMENTS"] ?? 1000);
const SHARDS = 4;
const PAYERS = 24;
const PAYEES = 12;
const HOLDS = 12;
const AT_ONCE = 12;
const KEY = "the-operators-key";

const directory = await mkdtemp(join(tmpdir(), "lez-restore-"));
const box = sandbox();
box.write("operator.key", KEY, 0o600);
const running = new Set<Workerd>();
afterAll(async () => {
  for (const workerd of running) await workerd.kill();
  await rm(directory, { recursive: true, force: true });
});

/** The facilitator and the ledger over one disk. Each name is a ledger of its own on it. */
async function workerdOf(name: string): Promise<Workerd> {
  const entry = (path: string) => bundleScript(fileURLToPath(new URL(path, import.meta.url)));
  const bindings = { FAUCET: "on", BOOKS: "public", SHARDS: String(SHARDS), LEDGER_NAME: name, OPERATOR_KEY_SHA256: bodyDigest(utf8(KEY)) };
  const common = { compatibilityDate: "2026-10-23", bindings };
  const LEDGER = { className: "Ledger" };
  const facilitator = { ...common, durableObjects: { LEDGER: { ...LEDGER, scriptName: "ledger" } } };
  const bundles = [
    { name: "facilitator", script: await entry("../torture/workers/facilitator.ts"), options: facilitator },
    { name: "ledger", script: await entry("../../workers/ledger-do/index.ts"), options: { ...common, durableObjects: { LEDGER } } },
  ];
  const workerd = await Workerd.create(directory, bundles, ["facilitator"]);
  running.add(workerd);
  await workerd.start();
  return workerd;
}

async function ask<T>(origin: string, path: string, body?: unknown): Promise<T> {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  return (await (await fetch(origin + path, init)).json()) as T;
}

/** What a facilitator says of a payment, in one word. */
async function settle(origin: string, { payload, requirements }: SignedPayment): Promise<string> {
  const body = { x402Version: 2, paymentPayload: payload, paymentRequirements: requirements };
  const answer = await ask<{ success?: boolean; errorReason?: string }>(origin, "/settle", body);
  return answer.success ? "settled" : String(answer.errorReason);
}

/** A payment that names its ledger, as those of our own owners do. */
async function sign(payer: WalletSigner, ledger: Digest, to: AccountId, more: Partial<Authorization> = {}): Promise<SignedPayment> {
  const signed = await signedPayment(payer, { ledger, to, value: "3" as Amount, ...more });
  const requirements = { ...signed.requirements, extra: { ledger } };
  return { ...signed, requirements, payload: { ...signed.payload, accepted: requirements } };
}

async function inParallel<T>(items: readonly T[], work: (item: T, index: number) => Promise<void>): Promise<void> {
  const left = items.entries();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const [index, item] of left) await work(item, index);
    }),
  );
}

/** A door to a facilitator that calls `interrupt` after it has passed on so many requests of a path, before it answers the last. */
async function door(
  origin: string,
  path: string,
  after: number,
  interrupt: () => Promise<void>,
): Promise<{ url: string; close: () => void }> {
  let seen = 0;
  const server = http.createServer((request, response) => void pass(request, response).catch(() => response.destroy()));
  async function pass(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "GET", url = "/", headers } = request;
    const answer = await fetch(origin + url, {
      method,
      headers: { authorization: headers.authorization ?? "" },
      ...(method === "POST" && { body: Buffer.concat(chunks) }),
    });
    const body = await answer.text();
    if (url.startsWith(path) && ++seen === after) {
      await interrupt();
      return void response.destroy();
    }
    response.writeHead(answer.status, { "content-type": "application/json" }).end(body);
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

const operator = (...words: string[]) => ["ledger", ...words, "--operator-key-file", "operator.key", "--json"];

interface Ended {
  exit: number | null;
  json: { ok: boolean; data: Record<string, unknown>; error: { code: string; message: string } };
}

/** Runs the executable at this facilitator. @param started is given its process */
async function cli(words: string[], facilitator: string, started: (child: ChildProcess) => void = () => undefined): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, ...words, "--facilitator-url", facilitator], {
    cwd: box.directory,
    env: box.env,
    stdio: ["ignore", "pipe", "ignore"],
  });
  started(child);
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [exit] = (await once(child, "close")) as [number | null];
  const text = Buffer.concat(chunks).toString();
  return { exit, json: (text === "" ? {} : JSON.parse(text)) as Ended["json"] };
}

/** Runs it, and kills it at the `after`th request of a path. */
async function killedAt(words: string[], origin: string, path: string, after: number): Promise<void> {
  let child: ChildProcess | undefined;
  const interrupted = await door(origin, path, after, async () => void child?.kill("SIGKILL"));
  const { exit } = await cli(words, interrupted.url, (started) => (child = started));
  interrupted.close();
  expect(exit).toBe(null);
}

test(`${PAYMENTS} payments over ${SHARDS} shards and ${HOLDS} open holds are restored exactly, over four kills [restore-drill]`, async () => {
  const old = await workerdOf("ledger");
  const origin = old.origin("facilitator");
  const { ledger } = await ask<{ ledger: Digest }>(origin, "/health");
  const payers = await Promise.all(Array.from({ length: PAYERS }, newPayer));
  for (const { account } of payers) await ask(origin, "/faucet", { account, amount: "1000000", id: randomId() });
  const payees = Array.from({ length: PAYEES }, () => accountOfBytes(randomBytes(32)));
  const payerAt = (i: number) => payers[i % PAYERS] as WalletSigner;
  const payeeAt = (i: number) => payees[i % PAYEES] as AccountId;

  const paid = await Promise.all(Array.from({ length: PAYMENTS }, (_, i) => sign(payerAt(i), ledger, payeeAt(i))));
  await inParallel(paid, async (signed) => expect(await settle(origin, signed)).toBe("settled"));
  const held = await Promise.all(Array.from({ length: HOLDS }, (_, i) => sign(payerAt(i), ledger, payeeAt(i))));
  const hold = (at: string, signed: SignedPayment, door = "/hold") =>
    ask<{ ok: boolean; code?: string }>(at, door, { ...signed, reservationId: signed.payment.nonce });
  for (const signed of held) expect(await hold(origin, signed)).toMatchObject({ ok: true });

  // Credits are under way while the ledger ends, and its machine dies at once.
  const last = await Promise.all(payers.map((payer, i) => sign(payer, ledger, payeeAt(i + 5))));
  await inParallel(last, async (signed) => expect(await settle(origin, signed)).toBe("settled"));
  const wrong = await cli(operator("retire", "ab".repeat(32)), origin);
  expect([wrong.exit === 0, wrong.json.error.code]).toEqual([false, "ledger_mismatch"]);
  const retired = await cli(operator("retire", ledger), origin);
  await old.kill();
  expect(retired.json).toMatchObject({ ok: true, data: { ledger, shards: SHARDS, openHolds: HOLDS } });
  await old.start();
  const late = await sign(payerAt(0), ledger, payeeAt(0));
  expect(await settle(origin, late)).toBe("ledger_mismatch");
  expect(await hold(origin, held[0] as SignedPayment, "/sell")).toMatchObject({ ok: false, code: "ledger_mismatch" });

  await killedAt(operator("export", "--out", "ledger.jsonl"), origin, "/ledger/export", 9);
  const half = await cli(operator("restore", "ledger.jsonl"), origin);
  expect([half.exit === 0, half.json.error.code]).toEqual([false, "invalid_file"]);
  const exported = await cli(operator("export", "--out", "ledger.jsonl"), origin);
  expect(exported.json).toMatchObject({ ok: true, data: { ledger, shards: SHARDS, holds: HOLDS } });
  expect(exported.json.data["nonces"]).toBe(PAYMENTS + last.length + PAYERS);
  const accounts = [...payers.map(({ account }) => account), ...payees];
  const balanceAt = async (at: string, account: AccountId) => (await ask<{ balance: string }>(at, `/accounts/${account}`)).balance;
  const balances = new Map<AccountId, string>();
  for (const account of accounts) balances.set(account, await balanceAt(origin, account));
  const treasury = await balanceAt(origin, treasuryOf(ledger));
  expect((await cli(operator("restore", "ledger.jsonl"), origin)).json.error.code).toBe("usage");
  await old.kill();

  const next = await workerdOf("ledger-2");
  const at = next.origin("facilitator");
  const fresh = (await ask<{ ledger: Digest }>(at, "/health")).ledger;
  expect(fresh).not.toBe(ledger);
  // First workerd dies in the middle, then the command line.
  const dying = await door(at, "/ledger/restore", SHARDS + 2, () => next.kill());
  const cut = await cli(operator("restore", "ledger.jsonl"), dying.url);
  dying.close();
  expect(cut.json).toMatchObject({ ok: false, error: { code: "network" } });
  await next.start();
  const early = await sign(payerAt(0), fresh, payeeAt(0));
  expect(await settle(at, early)).not.toBe("settled");
  expect(await ask(at, "/ledger/audit")).toMatchObject({ ok: false });
  await killedAt(operator("restore", "ledger.jsonl"), at, "/ledger/restore", SHARDS + 4);
  expect(await settle(at, early)).not.toBe("settled");
  const restored = await cli(operator("restore", "ledger.jsonl"), at);
  expect(restored.json).toMatchObject({ ok: true, data: { ledger: fresh, from: ledger, export: exported.json.data["digest"] } });

  const audit = await ask<LedgerAudit>(at, "/ledger/audit");
  expect(audit).toMatchObject({ ok: true, problems: [], conclusive: true, inFlight: "0", held: "0", payments: { held: 0 } });
  expect(audit.balances).toBe(audit.supply);
  for (const account of accounts) expect([account, await balanceAt(at, account)]).toEqual([account, balances.get(account)]);
  expect(await balanceAt(at, treasuryOf(fresh))).toBe(treasury);
  expect(await ask(at, "/health")).toMatchObject({ ledger: fresh, origin: { ledger, export: exported.json.data["digest"] } });

  // Payments for the old ledger, and new approvals of what was paid there.
  await inParallel([...paid, ...held, late], async (signed) => expect(await settle(at, signed)).toBe("ledger_mismatch"));
  await inParallel(paid.slice(0, 100), async ({ payment: { nonce, payee } }, i) =>
    expect(await settle(at, await sign(payerAt(i), fresh, payee, { nonce }))).toBe("nonce_replayed"),
  );
  // A hold never moved money: its request may be approved and paid on the new ledger.
  for (const [i, { payment }] of held.entries()) {
    expect(await settle(at, await sign(payerAt(i), fresh, payment.payee, { nonce: payment.nonce }))).toBe("settled");
  }
  expect(await settle(at, early)).toBe("settled");
  const again = await cli(operator("restore", "ledger.jsonl"), at);
  expect(again.json).toMatchObject({ ok: true, data: { ledger: fresh } });
  await expect.poll(() => ask(at, "/ledger/audit"), { timeout: 60_000 }).toMatchObject({ ok: true, conclusive: true, inFlight: "0" });
  await next.kill();

  // The old objects are still there, and stay what they are.
  const kept = await workerdOf("ledger");
  const past = kept.origin("facilitator");
  expect(await settle(past, late)).toBe("ledger_mismatch");
  expect(await hold(past, held[0] as SignedPayment, "/sell")).toMatchObject({ ok: false, code: "ledger_mismatch" });
  const [first] = paid;
  const { payer, nonce, validBefore } = (first as SignedPayment).payment;
  const known = await ask(past, `/settlements/logos:lez-testnet/${payer}/${nonce}?validBefore=${validBefore}`);
  expect(known).toMatchObject({ ledger, status: "settled", transaction: (first as SignedPayment).transaction });
  await kept.kill();

  // A ledger with a history of its own takes no other's.
  const third = await workerdOf("ledger-3");
  const other = third.origin("facilitator");
  await ask(other, "/faucet", { account: payers[0]?.account, amount: "5", id: randomId() });
  const refused = await cli(operator("restore", "ledger.jsonl"), other);
  expect([refused.exit === 0, refused.json.error.code]).toEqual([false, "invalid_payload"]);
  expect(refused.json.error.message).toContain("has a history");
  console.log(`${PAYMENTS} payments, ${HOLDS} holds, ${accounts.length + 1} accounts: supply ${audit.supply} exact, killed 4 times`);
});
