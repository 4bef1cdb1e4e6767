/** Sessions over HTTP: where one stands, and the way to end it. `/settle` opens them and pays their claims. spec/protocol.md §16. */

import type { Context, Hono } from "hono";
import * as z from "zod/mini";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import { logEvent } from "../../shared/log.ts";
import { accountIdSchema } from "../../shared/protocol/account.ts";
import { signedWithdrawalSchema } from "../../shared/protocol/withdrawal.ts";
import type { Facilitator } from "../../shared/settlement/facilitator.ts";
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
    hint: "Sign the withdrawal exactly as sent, with the key that publicKey names.",
  },
  ledger_mismatch: { message: "The withdrawal is for another ledger.", hint: "Send it to the facilitator of the ledger that it names." },
  session_unknown: {
    message: "The ledger knows no such session of this account.",
    hint: "It was never opened, or it ended long ago. Check the account's balance: nothing of it is held by a session that is unknown.",
  },
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
