/** Exports a retired ledger into a file, page by page, once nothing is on its way between its shards. */

import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import { MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import { interrupted } from "../prompts/prompts.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { EXPORT_DRAIN_SECONDS, EXPORT_POLL_MILLIS } from "../runtime/limits.ts";
import { fail, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { callFacilitator, type FacilitatorInput } from "./client.ts";
import { ExportFile, type ExportHeader, rowsSchema } from "./export-file.ts";

const auditSchema = z.looseObject({
  ok: z.boolean(),
  ledger: digestSchema,
  supply: z.string(),
  shards: z.number(),
  inFlight: z.string(),
  conclusive: z.boolean(),
  problems: z.array(z.string()),
});
const clockSchema = z.object({ shards: z.array(z.looseObject({ shard: z.number(), final: z.number() })) });
const pageSchema = z.object({ rows: rowsSchema });

/** Goes on with a file that an earlier run began. @returns the file, complete */
export async function exportLedger(context: Context, input: FacilitatorInput, path: string, key: Secret): Promise<Outcome<ExportFile>> {
  const opened = ExportFile.open(path, true);
  if (!opened.ok) return opened;
  const file = opened.data;
  try {
    const read = await file.read();
    if (!read.ok) return read;
    if (file.complete) return succeed(file);
    if (file.isForeign) return fail("file_exists", `"${path}" exists already, and is no export.`, { hint: "Choose another name." });
    const header = await headerOf(context, input, key);
    if (!header.ok) return header;
    const begun = file.header ? succeed(undefined) : file.begin(header.data);
    if (!begun.ok) return begun;
    if (file.header?.ledger !== header.data.ledger) {
      return fail("file_exists", `"${path}" is the beginning of another ledger's export.`, { hint: "Choose another name." });
    }
    for (let page = file.next; page; page = file.next) {
      if (context.io.signal.aborted) return interrupted();
      const { shard, table, after } = page;
      const query = after.map((text) => `after=${encodeURIComponent(text)}`).join("&");
      const answer = await callFacilitator(context, input, {
        path: `/ledger/export/${shard}/${table}?${query}`,
        answer: pageSchema,
        key,
        maxBytes: MAX_RESPONSE_BODY_BYTES,
      });
      if (!answer.ok) return answer;
      const appended = file.append({ shard, table, rows: answer.data.rows });
      if (!appended.ok) return appended;
    }
    const ended = file.end();
    return ended.ok ? succeed(file) : ended;
  } finally {
    file.close();
  }
}

/** Waits until every credit has arrived. Nothing else moves on a retired ledger. */
async function headerOf(context: Context, input: FacilitatorInput, key: Secret): Promise<Outcome<ExportHeader>> {
  const deadline = performance.now() + EXPORT_DRAIN_SECONDS * 1000;
  for (;;) {
    const audit = await callFacilitator(context, input, {
      path: "/ledger/audit",
      answer: auditSchema,
      key,
      maxBytes: MAX_RESPONSE_BODY_BYTES,
    });
    if (!audit.ok) return audit;
    const { ok, ledger, supply, shards, inFlight, conclusive, problems } = audit.data;
    if (!ok) {
      return refuse("audit_differs", EXIT.differs, `The ledger contradicts itself: ${problems.slice(0, 5).join("; ")}.`, {
        hint: "See spec/architecture.md, Restoring: all shards must be set back to one moment first.",
      });
    }
    if (conclusive && inFlight === "0") {
      const clock = await callFacilitator(context, input, { path: "/ledger/clock", answer: clockSchema, key });
      if (!clock.ok) return clock;
      const final = Math.max(...clock.data.shards.map((shard) => shard.final));
      return succeed({ format: "lez-agent-pay/ledger-export/1", network: NETWORK, ledger, supply, shards, final });
    }
    if (context.io.signal.aborted) return interrupted();
    if (performance.now() > deadline) {
      return fail("busy", `${inFlight} units are still on their way between shards after ${EXPORT_DRAIN_SECONDS} s.`, {
        hint: "Is the ledger retired? Run the same command again: nothing is lost.",
      });
    }
    await sleep(EXPORT_POLL_MILLIS, undefined, { signal: context.io.signal }).catch(() => undefined);
  }
}
