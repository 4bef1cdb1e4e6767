/** The ledger's routes: an account's journal and a signature under it for its readers, the audit and exports for the operator. */

import type { Context, Hono } from "hono";
import * as z from "zod/mini";
import { digestSchema } from "../../shared/crypto/digest.ts";
import type { ExportCommand } from "../../shared/ledger/export.ts";
import { fundingSchema } from "../../shared/ledger/issue.ts";
import type { RestoreCommand } from "../../shared/ledger/restoration.ts";
import { CLOCK_RISK } from "../../shared/ledger/set-clock.ts";
import { CLOCK_AGREEMENT_SECONDS, MAX_RESTORE_BODY_BYTES } from "../../shared/limits.ts";
import { accountIdSchema, parseAccountId } from "../../shared/protocol/account.ts";
import { unixSecondsSchema } from "../../shared/protocol/ledger-payment.ts";
import type { PaymentRefusal } from "../../shared/protocol/refusal.ts";
import { checkShape } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import { wholeNumber } from "../../shared/whole-number.ts";
import { bearerKey, isOperator } from "./access.ts";
import { malformed, problemResponse, readJson, type Wording } from "./api.ts";
import { booksArePublic, refusedReader } from "./books.ts";
import type { Api } from "./env.ts";
import { ledgerBackend } from "./ledger-backend.ts";
import { METRICS_TYPE, metricsText } from "./metrics.ts";
import { withinLimit } from "./rate-limits.ts";

const entryNumber = z.string().check(z.regex(/^[0-9]{1,15}$/, "must be the number of an entry"));
const pageSchema = z.strictObject({ after: z.optional(entryNumber), credits: z.optional(z.literal("yes", 'must be "yes" or left out')) });
const entrySchema = z.strictObject({ seq: z.optional(entryNumber) });
const exportSchema = z.strictObject({ account: accountIdSchema, seq: entryNumber, head: digestSchema });

const clockSchema = z.strictObject({ to: unixSecondsSchema, risk: z.optional(z.literal(CLOCK_RISK)) });

const NO_OPERATOR = { message: "This ledger has no operator's key.", hint: "Set the secret OPERATOR_KEY_SHA256 of its Worker." };

/** The ledger's codes about its clock. */
const CLOCK: Wording = {
  not_found: NO_OPERATOR,
  payment_expired: {
    message: "A shard has refused or forgotten something forever at a later time. It was not changed.",
    hint: `Name a time from "final" on, or send the risk: "${CLOCK_RISK}".`,
  },
};

/** The ledger's codes about money that its operator pays out. */
const FUNDING: Wording = {
  not_found: NO_OPERATOR,
  nonce_replayed: {
    message: "This id belongs to another payment of the treasury.",
    hint: "Send it with the account and the amount it was first sent with, or take a new id.",
  },
  insufficient_funds: {
    message: "It is more than the operator may still pay out of this ledger's treasury.",
    hint: "FUNDING_CAP of the ledger's Worker is the limit. The audit says how much of it is used.",
  },
  faucet_empty: { message: "The treasury has less than that.", hint: "Nothing was paid. No more money is made on this ledger." },
  recipient_mismatch: { message: "The treasury cannot give to itself.", hint: "Name another account." },
};

const retirementSchema = z.strictObject({ ledger: digestSchema });
/** The shard checks the rest. */
const finishSchema = z.strictObject({ origin: z.unknown() });
const restorationSchema = z.strictObject({ origin: z.unknown(), shard: wholeNumber(), page: z.looseObject({}) });

/** The ledger's codes about its end, and about the one that continues it. */
const SUCCESSION: Wording = {
  not_found: NO_OPERATOR,
  invalid_payload: { message: "The ledger refuses that." },
  ledger_mismatch: {
    message: "This is another ledger than the one to retire.",
    hint: "Name the ledger that `lez-agent-pay ledger audit` shows.",
  },
  payment_in_progress: { message: "Credits are still on their way between shards.", hint: "Ask again in a moment." },
};

function refusedBy(c: Context<Api>, answers: readonly object[]) {
  const refused = answers.find((answer): answer is PaymentRefusal => "code" in answer);
  return refused && problemResponse(c, refused.code, SUCCESSION[refused.code], refused.detail);
}

/** The ledger's codes about a checkpoint. */
const CHECKPOINT: Wording = {
  not_found: { message: "This ledger has no key, and signs no checkpoints.", hint: "Its operator can give it one, CHECKPOINT_KEY." },
  invalid_payload: { message: "This account has no such entry, or has it no more.", hint: "Read in its journal which ones it has." },
};

export function addLedgerRoutes(api: Hono<Api>): void {
  const ledger = (c: Context<Api>) => ledgerBackend(c.env, c.get("traceId"));
  const operatorsOnly = (c: Context<Api>) => problemResponse(c, "unauthorized");
  /** Test money has no secrets, where the books are public as well. That opens reads, and never a write. */
  const mayInspect = (c: Context<Api>) => isOperator(c) || (c.env.FAUCET === "on" && booksArePublic(c.env));

  // LEZ writes accounts with a prefix, too.
  api.on("GET", ["/accounts/:id/journal", "/accounts/Public/:id/journal"], async (c) => {
    const id = parseAccountId(c.req.param("id") ?? "");
    if (!id.ok) return malformed(c, id);
    const page = checkShape({ after: c.req.query("after"), credits: c.req.query("credits") }, pageSchema);
    if (!page.ok) return malformed(c, page);
    const refused = await refusedReader(c, id.account);
    if (refused) return refused;
    const { after = 0, credits } = page.value;
    return c.json({ account: id.account, ...(await ledger(c).journal(id.account, Number(after), credits === "yes")) });
  });

  /** Limited, because each answer costs a signature. Permits no pruning: only an export does. */
  api.on("GET", ["/accounts/:id/checkpoint", "/accounts/Public/:id/checkpoint"], async (c) => {
    if (!(await withinLimit(c, "call"))) return problemResponse(c, "rate_limited");
    const id = parseAccountId(c.req.param("id") ?? "");
    if (!id.ok) return malformed(c, id);
    const entry = checkShape({ seq: c.req.query("seq") }, entrySchema);
    if (!entry.ok) return malformed(c, entry);
    const refused = await refusedReader(c, id.account);
    if (refused) return refused;
    const result = await ledger(c).attest(id.account, entry.value.seq === undefined ? undefined : Number(entry.value.seq));
    return "code" in result ? problemResponse(c, result.code, CHECKPOINT[result.code]) : c.json(result);
  });

  api.get("/ledger/clock", async (c) => (mayInspect(c) ? c.json({ shards: await ledger(c).clocks() }) : operatorsOnly(c)));

  /** A faucet opens no such thing: the shards themselves want the operator's key. */
  api.post("/ledger/clock", async (c) => {
    const asked = await readJson(c, clockSchema);
    if (!asked.ok) return malformed(c, asked);
    const { to, risk } = asked.value;
    if (to > unixNow() + CLOCK_AGREEMENT_SECONDS) return malformed(c, { problem: "to: must not be in the future" });
    const answers = await ledger(c).setClocks({ to, key: bearerKey(c) ?? "", ...(risk && { risk }) });
    const refused = answers.find((answer) => "code" in answer);
    return refused ? problemResponse(c, refused.code, CLOCK[refused.code]) : c.json({ shards: answers });
  });

  /** Checked here, before a large body is read or a shard is asked, and again by the shards. */
  api.post("/ledger/retire", async (c) => {
    if (!isOperator(c)) return operatorsOnly(c);
    const asked = await readJson(c, retirementSchema);
    if (!asked.ok) return malformed(c, asked);
    const answers = await ledger(c).retire({ ...asked.value, key: bearerKey(c) ?? "" });
    return refusedBy(c, answers) ?? c.json({ ledger: asked.value.ledger, shards: answers });
  });

  api.get("/ledger/export/:shard/:table", async (c) => {
    if (!isOperator(c)) return operatorsOnly(c);
    const { shard, table } = c.req.param();
    const asked = { table, after: c.req.queries("after") ?? [], key: bearerKey(c) ?? "" } as ExportCommand;
    const answer = await ledger(c).exportPage(Number(shard), asked);
    return refusedBy(c, [answer]) ?? c.json(answer);
  });

  api.post("/ledger/restore", async (c) => {
    if (!isOperator(c)) return operatorsOnly(c);
    const asked = await readJson(c, restorationSchema, MAX_RESTORE_BODY_BYTES);
    if (!asked.ok) return malformed(c, asked);
    const { shard, ...rest } = asked.value;
    const answer = await ledger(c).restore(shard, { ...rest, key: bearerKey(c) ?? "" } as RestoreCommand);
    return refusedBy(c, [answer]) ?? c.json(answer);
  });

  /** Opens the ledger only if its books add up: no shard pays before the supply is exact. */
  api.post("/ledger/restore/finish", async (c) => {
    if (!isOperator(c)) return operatorsOnly(c);
    const asked = await readJson(c, finishSchema);
    if (!asked.ok) return malformed(c, asked);
    const { ok, conclusive, problems, ...audit } = await ledger(c).audit();
    if (!ok || !conclusive) return malformed(c, { problem: problems[0] ?? "money is on its way between shards" });
    const answers = await ledger(c).finishRestoration({ ...asked.value, key: bearerKey(c) ?? "" } as RestoreCommand);
    return refusedBy(c, answers) ?? c.json({ ledger: audit.ledger, supply: audit.supply, accounts: audit.accounts });
  });

  /** One id pays once. As with the clock, the shard itself wants the operator's key. */
  api.post("/ledger/fund", async (c) => {
    const asked = await readJson(c, fundingSchema);
    if (!asked.ok) return malformed(c, asked);
    const result = await ledger(c).issue({ ...asked.value, key: bearerKey(c) ?? "" });
    if (!result.ok) return problemResponse(c, result.code, FUNDING[result.code]);
    const { transaction, account, balance } = result;
    return c.json({ success: true, transaction, account, balance });
  });

  api.get("/ledger/audit", async (c) => (mayInspect(c) ? c.json(await ledger(c).audit()) : operatorsOnly(c)));

  api.get("/metrics", async (c) =>
    mayInspect(c) ? c.body(metricsText(await ledger(c).watch()), 200, { "Content-Type": METRICS_TYPE }) : operatorsOnly(c),
  );

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
