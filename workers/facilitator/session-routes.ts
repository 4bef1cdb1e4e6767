/** Sessions over HTTP: where one stands, and the way to end it. `/settle` opens them and pays their claims. spec/protocol.md §16. */

import type { Context, Hono } from "hono";
import * as z from "zod/mini";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import { logEvent } from "../../shared/log.ts";
import { accountIdSchema } from "../../shared/protocol/account.ts";
import type { SignedClaim } from "../../shared/protocol/claim.ts";
import { sessionId } from "../../shared/protocol/session.ts";
import { signedWithdrawalSchema } from "../../shared/protocol/withdrawal.ts";
import type { Facilitator } from "../../shared/settlement/facilitator.ts";
import { presentedCallSchema } from "../../shared/settlement/sessions.ts";
import { checkShape } from "../../shared/text/json.ts";
import { malformed, problemResponse, readJson, type Wording } from "./api.ts";
import type { Api } from "./env.ts";
import { ledgerBackend } from "./ledger-backend.ts";
import { withinLimit } from "./rate-limits.ts";

const sessionKeySchema = z.strictObject({ network: z.literal(NETWORK), payer: accountIdSchema, id: digestSchema });

const NO_SESSIONS = { message: "The ledger of this facilitator keeps no sessions.", hint: "Its operator can update it." };

/** Codes about a withdrawal. */
const WITHDRAWAL: Wording = {
  invalid_signature: {
    message: "The signature is neither the payer's under this withdrawal, nor that of the session's signer.",
    hint: "Sign the withdrawal exactly as sent, with the key or the proof beside it.",
  },
  ledger_mismatch: { message: "The withdrawal is for another ledger.", hint: "Send it to the facilitator of the ledger that it names." },
  session_unknown: {
    message: "The ledger knows no such session of this account.",
    hint: "It was never opened, or it ended long ago. Check the account's balance: nothing of it is held by a session that is unknown.",
  },
};

/** Codes about a session that is presented. */
const CALL: Wording = {
  invalid_signature: {
    message: "The session is neither signed by its payer nor, within a mandate, by its agent.",
    hint: "Present the session exactly as it was opened, with the proof beside it.",
  },
  ledger_mismatch: { message: "The session is of another ledger.", hint: "Ask the facilitator of the ledger that it names." },
};

export function addSessionRoutes(api: Hono<Api>, facilitator: (c: Context<Api>) => Promise<Facilitator>): void {
  /** Open to every caller, as mandates are: only the payer, its agent and the payee know the id. */
  api.get("/sessions/:network/:payer/:id", async (c) => {
    const key = checkShape(c.req.param(), sessionKeySchema);
    if (!key.ok) return malformed(c, key);
    const { payer, id } = key.value;
    const { sessions } = await facilitator(c);
    if (!sessions) return problemResponse(c, "not_found", NO_SESSIONS);
    const found = await sessions.status({ payer, id });
    if ("code" in found) return problemResponse(c, found.code);
    const { ledger } = await ledgerBackend(c.env, c.get("traceId")).info();
    const named = { network: NETWORK, ledger, payer, id };
    if (found.status === "unknown") return c.json({ ...named, ...found });
    const { config, ...standing } = found;
    return c.json({ ...named, ...standing, channelConfig: JSON.parse(config) as unknown });
  });

  /**
   * Which claim paid a call, and the ledger's entry of that claim with its signature under it, for a caller who presents the signed session:
   * its payer, its agent, or its payee. So each can show what was paid, and learns nothing of the payer's other payments.
   */
  api.post("/sessions/entry", async (c) => {
    if (!(await withinLimit(c, "call"))) return problemResponse(c, "rate_limited");
    const presented = await readJson(c, presentedCallSchema);
    if (!presented.ok) return malformed(c, presented);
    const { sessions } = await facilitator(c);
    if (!sessions) return problemResponse(c, "not_found", NO_SESSIONS);
    const paid = await sessions.paymentOf(presented.value);
    if ("code" in paid) return problemResponse(c, paid.code, CALL[paid.code], "detail" in paid ? paid.detail : undefined);
    const { from: payer, ledger } = presented.value.session.channelConfig;
    const named = { network: NETWORK, ledger, payer, id: sessionId(presented.value.session.channelConfig), claimed: paid.claimed };
    if (!paid.claim) return c.json(named);
    const { signed, entry: seq, ...claim } = paid.claim;
    const backend = ledgerBackend(c.env, c.get("traceId"));
    const [page, attested] = await Promise.all([backend.journal(payer, seq - 1), backend.attest(payer, seq)]);
    const [entry] = page.entries;
    return c.json({
      ...named,
      ...claim,
      ...(signed !== undefined && { signed: JSON.parse(signed) as SignedClaim }),
      // A pruned entry is gone, and the page begins after it.
      ...(entry?.seq === String(seq) && { entry, ...("code" in attested ? undefined : attested) }),
    });
  });

  /** Limited like revocations: each call costs two questions to the ledger. */
  api.post("/sessions/withdraw", async (c) => {
    if (!(await withinLimit(c, "cancel"))) return problemResponse(c, "rate_limited");
    const record = await readJson(c, signedWithdrawalSchema);
    if (!record.ok) return malformed(c, record);
    const { sessions } = await facilitator(c);
    if (!sessions) return problemResponse(c, "not_found", NO_SESSIONS);
    const result = await sessions.withdraw(record.value);
    if (!result.ok) {
      logEvent("facilitator.withdraw", { traceId: c.get("traceId"), code: result.code });
      return problemResponse(c, result.code, WITHDRAWAL[result.code], "detail" in result ? result.detail : undefined);
    }
    logEvent("facilitator.withdraw", { traceId: c.get("traceId") });
    return c.json({ success: true, network: NETWORK, ...result.session });
  });
}
