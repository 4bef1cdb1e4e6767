/** Strangers: new keys without money, which do everything that a key can do. Counts what a stack stores before and after. */

import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "vitest";
import { Buyer, verdict } from "../../agent-cli/demo/buyer.ts";
import { type Stack, startStack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES } from "../../scripts/build-workers.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import { revokeAccesses } from "../../shared/protocol/books-access.ts";
import { recordDecision } from "../../shared/protocol/decision.ts";
import { mandateDigest } from "../../shared/protocol/mandate.ts";
import { type Revocation, signRevocation } from "../../shared/protocol/revocation.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { newMandate, newPayer, randomId, signedPayment, signedUnder } from "../signed.ts";
import { NO_LIMITS } from "./stack.ts";

const AT_ONCE = 16;

/** What the objects of a stack store: the rows of each table, by object. */
type Stored = Record<string, Record<string, unknown[]>>;

/** Every stranger is refused, and the stack stores what it stored before. */
export async function expectNothingStored(strangers: number): Promise<void> {
  const { answers, before, after } = await letLoose(strangers);
  expect(answers).toEqual({
    "verify insufficient_funds": strangers,
    "settle insufficient_funds": strangers,
    "status unused": strangers,
    "account 0": strangers,
    "journal 0": strangers,
    "cancel insufficient_funds": strangers,
    "revoke insufficient_funds": strangers,
    "mandate insufficient_funds": strangers,
    "revoke mandate insufficient_funds": strangers,
    "revoke all mandates insufficient_funds": strangers,
    "spent unused": strangers,
    "entry undefined": strangers,
    "buy 402 insufficient_funds": strangers,
  });
  expect(Object.keys(after)).toEqual(Object.keys(before));
  expect(after).toEqual(before);
}

/** Lets so many strangers loose on a stack of two shards. @returns their answers, and what was stored before and after */
async function letLoose(strangers: number): Promise<{ answers: Record<string, number>; before: Stored; after: Stored }> {
  const directory = await mkdtemp(join(tmpdir(), "lez-strangers-"));
  const answers: Record<string, number> = {};
  const count = (answer: string) => (answers[answer] = (answers[answer] ?? 0) + 1);
  const stack = await startStack({ bundles: BUNDLES, persist: directory, shards: 2, limits: NO_LIMITS, onLog: () => undefined });
  try {
    await openEverything(stack);
    const before = storedIn(directory);
    let left = strangers;
    const visits = async () => {
      while (left-- > 0) for (const answer of await visit(stack)) count(answer);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, visits));
    return { answers, before, after: storedIn(directory) };
  } finally {
    await stack.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Both shards, and the one object in which the merchant tries its storage: none of them is a stranger's. */
async function openEverything({ facilitator, merchant }: Stack): Promise<void> {
  for (let i = 0; i < 20; i++) await fetch(`${facilitator}/accounts/${(await newPayer()).account}`);
  await fetch(`${merchant}/premium`);
}

/** One stranger calls everything that takes a payer. */
async function visit({ facilitator, merchant, ledger: id, ...stack }: Stack): Promise<string[]> {
  const ask = async (path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    return (await (await fetch(facilitator + path, init)).json()) as Record<string, string>;
  };
  const payer = await newPayer();
  const ledger = id as Digest;
  const { payload, requirements, payment } = await signedPayment(payer);
  const envelope = { x402Version: 2, paymentPayload: payload, paymentRequirements: requirements };
  const decided = { decision: "revoked", code: "other", decidedAt: formatTimestamp(unixNow()) } as const;
  const status = await ask(`/settlements/logos:lez-testnet/${payer.account}/${payment.nonce}?validBefore=${payment.validBefore}`);
  const agent = await newPayer();
  const mandate = await newMandate(payer, agent, ledger);
  const mandated = await signedUnder(mandate, agent);
  const revocation: Revocation = {
    version: "1",
    network: NETWORK,
    ledger,
    from: payer.account,
    mandate: mandateDigest(mandate.mandate),
    revokedAt: mandate.mandate.grantedAt,
  };
  const buyer = await Buyer.create({ facilitator, merchant, ledger, ...stack });
  const premium = { url: `${merchant}/premium` };
  return [
    `verify ${(await ask("/verify", envelope))["invalidReason"]}`,
    `settle ${(await ask("/settle", envelope))["errorReason"]}`,
    `status ${status["status"]}`,
    `account ${(await ask(`/accounts/${payer.account}`))["balance"]}`,
    `journal ${(await ask(`/accounts/${payer.account}/journal`))["entries"]?.length}`,
    `cancel ${(await ask("/settlements/cancel", await recordDecision({ ...decided, requestDigest: randomId() }, payer)))["error"]}`,
    `revoke ${(await ask("/books/revoke", await revokeAccesses(payer, ledger)))["error"]}`,
    `mandate ${(await ask("/settle", { x402Version: 2, paymentPayload: mandated.payload, paymentRequirements: mandated.requirements }))["errorReason"]}`,
    `revoke mandate ${(await ask("/mandates/revoke", await signRevocation(revocation, payer)))["error"]}`,
    `revoke all mandates ${(await ask("/mandates/revoke", await signRevocation({ ...revocation, mandate: "*" }, payer)))["error"]}`,
    `spent ${(await ask(`/mandates/logos:lez-testnet/${payer.account}/${mandateDigest(mandate.mandate)}`))["status"]}`,
    `entry ${(await ask("/settlements/entry", payload.payload))["entry"]}`,
    `buy ${verdict(await buyer.send(premium, await buyer.approved(premium)))}`,
  ];
}

/** Every row that the objects have on disk, but for the clocks and for the platform's own tables. */
function storedIn(directory: string): Stored {
  const files = readdirSync(join(directory, "do"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".sqlite"));
  return Object.fromEntries(files.sort().map((name) => [name, rowsIn(join(directory, "do", name))]));
}

function rowsIn(file: string): Stored[string] {
  const database = new DatabaseSync(file, { readOnly: true });
  const tables = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name != 'clock'")
    .all();
  const rows = tables.map(({ name }) => [name, database.prepare(`SELECT * FROM "${String(name)}"`).all()]);
  database.close();
  return Object.fromEntries(rows) as Stored[string];
}
