/**
 * The official merchant with our mechanism. With FACILITATOR_URL it verifies and settles over HTTP. Without, it uses a facilitator
 * in its own isolate that verifies as ours does and stores nothing: no replay check, no ledger, no hop. That one is a reference,
 * not an equal.
 */

import { HTTPFacilitatorClient } from "@x402/core/server";
import type { FacilitatorClient } from "@x402/core/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/hono";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import type { Digest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { ExactLezScheme } from "../../shared/exact/server/index.ts";
import { verifyExact } from "../../shared/exact/verify.ts";
import { ASSET, NETWORK, SCHEME } from "../../shared/lez.ts";
import { unixNow } from "../../shared/time.ts";

const LEDGER = "0".repeat(64) as Digest;

const verify = async (payload: unknown, requirements: unknown) => verifyExact(payload, requirements, { now: unixNow(), ledger: LEDGER });

const inProcess: FacilitatorClient = {
  async verify(payload, requirements) {
    const verified = await verify(payload, requirements);
    return verified.ok ? { isValid: true, payer: verified.payment.payer } : { isValid: false, invalidReason: verified.code };
  },
  async settle(payload, requirements) {
    const verified = await verify(payload, requirements);
    if (!verified.ok) return { success: false, errorReason: verified.code, transaction: "", network: NETWORK };
    return { success: true, transaction: verified.transaction, network: NETWORK, payer: verified.payment.payer };
  },
  getSupported: async () => ({
    kinds: [{ x402Version: 2, scheme: SCHEME, network: NETWORK, extra: { ledger: LEDGER } }],
    extensions: [],
    signers: {},
  }),
};

const { FACILITATOR_URL } = env as { FACILITATOR_URL?: string };
const facilitator = FACILITATOR_URL ? new HTTPFacilitatorClient({ url: FACILITATOR_URL }) : inProcess;
const server = new x402ResourceServer(facilitator).register(NETWORK, new ExactLezScheme());
const price = { asset: ASSET, amount: "1" };
const accepts = { scheme: SCHEME, network: NETWORK as `${string}:${string}`, payTo: DEMO_MERCHANT_ACCOUNT, price, maxTimeoutSeconds: 900 };

const app = new Hono();
let gate: ReturnType<typeof paymentMiddleware> | undefined;
// Made in the first request: at module scope the official middleware fetches, which Workers do not allow there.
app.use("/item", (c, next) => (gate ??= paymentMiddleware({ "GET /item": { accepts, description: "An item" } }, server))(c, next));
app.get("/item", (c) => c.text("goods"));
export default app;
