/** Founds a new ledger from an export: reads and checks the whole file first, then sends each shard its part. Every step may be repeated. */

import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { emptyPage, type ExportSummary, newHome, restoredOf } from "../../shared/ledger/export-check.ts";
import type { Origin, RestorePage } from "../../shared/ledger/restoration.ts";
import { EXPORT_PAGE } from "../../shared/limits.ts";
import { interrupted } from "../prompts/prompts.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { callFacilitator, type FacilitatorInput } from "./client.ts";
import { ExportFile } from "./export-file.ts";

const healthSchema = z.looseObject({ ledger: digestSchema });
const clockSchema = z.object({ shards: z.array(z.looseObject({ shard: z.number() })) });
const finishedSchema = z.object({ ledger: digestSchema, supply: z.string(), accounts: z.number() });

export interface RestoredLedger extends ExportSummary {
  ledger: string;
  from: string;
  export: string;
  supply: string;
  shards: number;
}

export async function restoreLedger(
  context: Context,
  input: FacilitatorInput,
  path: string,
  key: Secret,
): Promise<Outcome<RestoredLedger>> {
  const checked = await checkedExport(path);
  if (!checked.ok) return checked;
  const { origin, summary } = checked.data;
  const into = await newLedger(context, input, key, origin);
  if (!into.ok) return into;
  const { shards } = into.data;
  const send = (shard: number, page: RestorePage) => {
    if (context.io.signal.aborted) return interrupted();
    return callFacilitator(context, input, { path: "/ledger/restore", body: { origin, shard, page }, answer: z.unknown(), key });
  };
  // Every shard is closed before any of them has money.
  for (let shard = 0; shard < shards; shard++) {
    const begun = await send(shard, emptyPage());
    if (!begun.ok) return begun;
  }
  const sent = await sendAll(path, origin, shards, send);
  if (!sent.ok) return sent;
  const finished = await callFacilitator(context, input, { path: "/ledger/restore/finish", body: { origin }, answer: finishedSchema, key });
  if (!finished.ok) return finished;
  const { ledger, supply } = finished.data;
  return succeed({ ledger, from: origin.ledger, export: origin.export, supply, shards, ...summary });
}

/** Reads the whole file: nothing is written for one that does not add up. */
async function checkedExport(path: string): Promise<Outcome<{ origin: Origin; summary: ExportSummary }>> {
  const opened = ExportFile.open(path, false);
  if (!opened.ok) return opened;
  try {
    const read = await opened.data.read();
    if (!read.ok) return read;
    const { header, complete } = opened.data;
    if (!header || !complete) {
      return fail("invalid_file", `"${path}" is not complete.`, { hint: "Run the same `ledger export` again: it goes on where it ended." });
    }
    const { ledger, supply, final } = header;
    return succeed({ origin: { ledger, export: complete.digest, supply, final }, summary: complete.summary });
  } finally {
    opened.data.close();
  }
}

async function newLedger(context: Context, input: FacilitatorInput, key: Secret, origin: Origin): Promise<Outcome<{ shards: number }>> {
  const health = await callFacilitator(context, input, { path: "/health", answer: healthSchema });
  if (!health.ok) return health;
  if (health.data.ledger === origin.ledger) {
    return fail("usage", "This facilitator keeps the retired ledger itself, and a ledger never opens again under its own id.", {
      hint: "Give the facilitator a new LEDGER_NAME, as in ledger-2, deploy it, and run the same command again.",
    });
  }
  const clock = await callFacilitator(context, input, { path: "/ledger/clock", answer: clockSchema, key });
  return clock.ok ? succeed({ shards: clock.data.shards.length }) : clock;
}

/** Reads the file once more, and sends each shard its rows in full pages. */
async function sendAll(
  path: string,
  origin: Origin,
  shards: number,
  send: (shard: number, page: RestorePage) => Promise<Outcome<unknown>> | Failure,
): Promise<Outcome<undefined>> {
  const pages = Array.from({ length: shards }, emptyPage);
  const flush = async (shard: number): Promise<Failure | undefined> => {
    const page = pages[shard];
    if (!page || sizeOf(page) === 0) return undefined;
    pages[shard] = emptyPage();
    const sent = await send(shard, page);
    return sent.ok ? undefined : sent;
  };
  const opened = ExportFile.open(path, false);
  if (!opened.ok) return opened;
  try {
    const read = await opened.data.read(async ({ table, rows }) => {
      for (const row of rows) {
        const restored = restoredOf(table, row);
        if (!restored?.ok) continue; // the first reading has checked every row
        const shard = newHome(restored.value, origin.ledger, shards);
        const page = pages[shard] ?? emptyPage();
        (page[restored.value.kind] as unknown[]).push(restored.value.row);
        const failed = sizeOf(page) >= EXPORT_PAGE ? await flush(shard) : undefined;
        if (failed) return failed;
      }
      return undefined;
    });
    if (!read.ok) return read;
    if (opened.data.complete?.digest !== origin.export) return fail("invalid_file", `"${path}" has changed meanwhile.`);
  } finally {
    opened.data.close();
  }
  for (let shard = 0; shard < shards; shard++) {
    const failed = await flush(shard);
    if (failed) return failed;
  }
  return succeed(undefined);
}

function sizeOf(page: RestorePage): number {
  return Object.values(page).reduce((sum, rows) => sum + rows.length, 0);
}
