/** The official facilitator class with our scheme over HTTP. Balances and nonces are in memory: it pays once, and forgets when it stops. */

import { x402Facilitator } from "@x402/core/facilitator";
import type { PaymentPayload, PaymentRequirements } from "@x402/core/types";
import { Hono } from "hono";
import type { Digest } from "../../shared/crypto/digest.ts";
import { registerExactLezScheme } from "../../shared/exact/facilitator/index.ts";
import { NETWORK } from "../../shared/lez.ts";
import { FAUCET_CAP_PER_ACCOUNT } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { transactionOf } from "../../shared/protocol/authorization.ts";
import type { LedgerPayment } from "../../shared/protocol/ledger-payment.ts";
import type { Refusal } from "../../shared/protocol/refusal.ts";
import type { PaymentBackend, SettleResult } from "../../shared/settlement/backend.ts";
import type { SettleCommand } from "../../shared/settlement/commands.ts";

const LEDGER = "1".repeat(64) as Digest;
const spent = new Map<AccountId, bigint>();
const nonces = new Set<string>();

const keyOf = ({ payer, nonce }: LedgerPayment) => `${payer} ${nonce}`;

function refusalOf(payment: LedgerPayment): Refusal | undefined {
  if (nonces.has(keyOf(payment))) return { ok: false, code: "nonce_replayed" };
  const left = FAUCET_CAP_PER_ACCOUNT - (spent.get(payment.payer) ?? 0n);
  return left < BigInt(payment.value) ? { ok: false, code: "insufficient_funds" } : undefined;
}

async function settle({ payment }: SettleCommand<LedgerPayment>): Promise<SettleResult> {
  const refusal = refusalOf(payment);
  if (refusal) return refusal;
  const { payer, payee, value, authorizationDigest } = payment;
  nonces.add(keyOf(payment));
  spent.set(payer, (spent.get(payer) ?? 0n) + BigInt(value));
  return { ok: true, transaction: transactionOf(NETWORK, authorizationDigest), payer, payee, value };
}

const backend: Pick<PaymentBackend, "info" | "check" | "settle"> = {
  info: async () => ({ ledger: LEDGER, treasury: "" as AccountId, supply: "0", shards: 1 }),
  check: async (payment) => refusalOf(payment) ?? { ok: true },
  settle,
};
const facilitator = registerExactLezScheme(new x402Facilitator(), { backend: backend as PaymentBackend });

interface Envelope {
  paymentPayload: PaymentPayload;
  paymentRequirements: PaymentRequirements;
}

const app = new Hono();
app.get("/supported", async (c) => c.json((await facilitator).getSupported()));
app.get("/transfers", (c) => c.json({ transfers: nonces.size }));
for (const call of ["verify", "settle"] as const) {
  app.post(`/${call}`, async (c) => {
    const { paymentPayload, paymentRequirements } = await c.req.json<Envelope>();
    return c.json(await (await facilitator)[call](paymentPayload, paymentRequirements));
  });
}
export default app;
