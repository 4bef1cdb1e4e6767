/** The ledger's routes: an account's journal and a signature under it for everyone, the audit and exports for the operator. */

import type { Context, Hono } from "hono";
import * as z from "zod/mini";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { accountIdSchema, parseAccountId } from "../../shared/protocol/account.ts";
import { checkShape } from "../../shared/text/json.ts";
import { isOperator } from "./access.ts";
import { malformed, problemResponse, readJson, type Wording } from "./api.ts";
import type { Api } from "./env.ts";
import { ledgerBackend } from "./ledger-backend.ts";
import { withinLimit } from "./rate-limits.ts";

const entryNumber = z.string().check(z.regex(/^[0-9]{1,15}$/, "must be the number of an entry"));
const pageSchema = z.strictObject({ after: z.optional(entryNumber) });
const entrySchema = z.strictObject({ seq: z.optional(entryNumber) });
const exportSchema = z.strictObject({ account: accountIdSchema, seq: entryNumber, head: digestSchema });

/** The ledger's codes about a checkpoint. */
const CHECKPOINT: Wording = {
  not_found: { message: "This ledger has no key, and signs no checkpoints.", hint: "Its operator can give it one, CHECKPOINT_KEY." },
  invalid_payload: { message: "This account has no such entry, or has it no more.", hint: "Read in its journal which ones it has." },
};

export function addLedgerRoutes(api: Hono<Api>): void {
  const ledger = (c: Context<Api>) => ledgerBackend(c.env, c.get("traceId"));
  const operatorsOnly = (c: Context<Api>) => problemResponse(c, "unauthorized");

  // LEZ writes accounts with a prefix, too.
  api.on("GET", ["/accounts/:id/journal", "/accounts/Public/:id/journal"], async (c) => {
    const id = parseAccountId(c.req.param("id") ?? "");
    if (!id.ok) return malformed(c, id);
    const page = checkShape({ after: c.req.query("after") }, pageSchema);
    if (!page.ok) return malformed(c, page);
    return c.json({ account: id.account, ...(await ledger(c).journal(id.account, Number(page.value.after ?? 0))) });
  });

  /** Limited, because each answer costs a signature. Permits no pruning: only an export does. */
  api.on("GET", ["/accounts/:id/checkpoint", "/accounts/Public/:id/checkpoint"], async (c) => {
    if (!(await withinLimit(c, "call"))) return problemResponse(c, "rate_limited");
    const id = parseAccountId(c.req.param("id") ?? "");
    if (!id.ok) return malformed(c, id);
    const entry = checkShape({ seq: c.req.query("seq") }, entrySchema);
    if (!entry.ok) return malformed(c, entry);
    const result = await ledger(c).attest(id.account, entry.value.seq === undefined ? undefined : Number(entry.value.seq));
    return "code" in result ? problemResponse(c, result.code, CHECKPOINT[result.code]) : c.json(result);
  });

  api.get("/ledger/audit", async (c) => (isOperator(c) ? c.json(await ledger(c).audit()) : operatorsOnly(c)));

  /** The hash of an entry proves that the operator has read the chain up to it. The ledger may prune that part later. */
  api.post("/ledger/checkpoints", async (c) => {
    if (!isOperator(c)) return operatorsOnly(c);
    const exported = await readJson(c, exportSchema);
    if (!exported.ok) return malformed(c, exported);
    const { account, seq, head } = exported.value;
    const result = await ledger(c).checkpoint(account, Number(seq), head);
    return "code" in result ? problemResponse(c, result.code, CHECKPOINT[result.code]) : c.json(result);
  });
}
