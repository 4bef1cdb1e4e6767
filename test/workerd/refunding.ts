/** A shop that refunds, over a ledger object of its own, and a facilitator that a test can break. Time is the test's. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { type Context, Hono } from "hono";
import { approve, ask } from "../../agent-cli/demo/people.ts";
import { bytesToHex } from "../../shared/crypto/bytes.ts";
import { type Digest, randomDigest } from "../../shared/crypto/digest.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { Mandate, SignedMandate } from "../../shared/protocol/mandate.ts";
import { type Refund, type SignedRefund, signRefund } from "../../shared/protocol/refund.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { Facilitator } from "../../shared/settlement/facilitator.ts";
import { unixNow } from "../../shared/time.ts";
import type { WebhookEvent } from "../../shared/webhooks/event.ts";
import { encodeHeader, PAYMENT_ERROR, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { ledgerBackend } from "../../workers/facilitator/ledger-backend.ts";
import { paywall, type PaywallEnv, type PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import { dayOf } from "../../workers/merchant/paywall/memory/sales-register.ts";
import type { Deliveries } from "../../workers/merchant/paywall/refunds.ts";
import type { FacilitatorRpc, PaywallBindings } from "../../workers/merchant/paywall/types.ts";
import { newMandate, newPayer, settleCommand, signedPayment } from "../signed.ts";
import { env, give, NOW, type Stub } from "./ledger.ts";

export type RefundingStub = DurableObjectStub<Deliveries>;

const { REFUNDING } = bindings as unknown as { REFUNDING: DurableObjectNamespace<Deliveries> };

export const ORIGIN = "https://merchant.example.com";
export const PRICE = "10000";

/** A day has its own register, and a shop its own account: no test meets another's. */
export async function openShop(options: Partial<PaywallOptions> = {}, namespace: DurableObjectNamespace<Deliveries> = REFUNDING) {
  const name = crypto.randomUUID();
  const ledger: Stub = env.LEDGER.getByName(name);
  const backend = ledgerBackend({ LEDGER: env.LEDGER, LEDGER_NAME: name }, "");
  const { ledger: id } = await backend.info();
  const facilitator = new Facilitator(backend, id);
  const secret = generateSecretKey();
  const [seller, key] = [await newPayer(), await keySigner(secret)];
  const sent: string[] = [];
  const hooks: WebhookEvent[] = [];
  const faults = { refund: undefined as ((record: SignedRefund) => Promise<never>) | undefined, loses: 0, noCredit: 0 };

  const rpc: FacilitatorRpc = {
    supported: async () => facilitator.supported(),
    reserve: (command) => facilitator.reserve(command),
    capture: (command) => facilitator.capture(command),
    release: (command) => facilitator.release(command),
    settle: (command) => facilitator.settle(command),
    creditOf: async ({ payee, transaction, from }) => {
      if (faults.noCredit-- > 0) return { ok: true };
      return facilitator.creditOf(payee, transaction, from);
    },
    refund: async (record) => {
      sent.push(JSON.stringify(record));
      if (faults.refund) return faults.refund(record);
      const result = await facilitator.refund(record);
      if (faults.loses-- > 0) throw new Error("the answer was lost");
      return result;
    },
  };
  const merchant: PaywallBindings = {
    FACILITATOR: rpc,
    DELIVERIES: namespace,
    PAY_TO: seller.account,
    RECEIPT_KEY: bytesToHex(secret),
    WEBHOOK_URL: "https://books.example.com/hooks",
    WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    WEBHOOKS: { getByName: () => ({ enqueue: async (event: WebhookEvent) => (hooks.push(event), "queued") }) },
  };

  const goods = { runs: 0, answers: (c: Context): Response | Promise<Response> => c.text("not yet", 503) };
  const app = new Hono<PaywallEnv>();
  app.get("/goods", paywall({ amount: PRICE, flow: "upfront", refund: "automatic", ...options }), (c) => {
    goods.runs++;
    return goods.answers(c);
  });

  const shop = {
    ledger,
    backend,
    id,
    seller,
    key,
    rpc,
    merchant,
    faults,
    goods,
    /** Each refund that reached the facilitator, as it came. */
    sent,
    hooks,
    async grant(changes: Partial<Mandate> = {}): Promise<SignedMandate> {
      const limits = { payees: ["*"] as ["*"], origins: ["*"] as ["*"], schemes: ["refund" as const] };
      const mandate = await newMandate(seller, key, id, { ...limits, ...changes });
      merchant.REFUND_MANDATE = JSON.stringify(mandate);
      return mandate;
    },
    async buyer(): Promise<{ owner: WalletSigner; agent: WalletSigner }> {
      const people = { owner: await newPayer(), agent: await newPayer() };
      await give(ledger, people.owner.account, "25000");
      return people;
    },
    async approved({ owner, agent }: { owner: WalletSigner; agent: WalletSigner }): Promise<PaymentPayload> {
      const { accepts } = (await (await app.request(`${ORIGIN}/goods`, {}, merchant)).json()) as { accepts: Parameters<typeof ask>[2][] };
      const [offer] = accepts;
      if (!offer) throw new Error("no offer");
      return approve(
        owner,
        await ask(agent, { method: "GET", url: `${ORIGIN}/goods` }, offer, "The brief asks for this, and no free source has it."),
      );
    },
    /** As `200`, or `410 payment_refunded`. */
    async present(payment: PaymentPayload): Promise<string> {
      const answer = await app.request(`${ORIGIN}/goods`, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(payment) } }, merchant);
      const body = await answer.text();
      return `${answer.status} ${answer.headers.get(PAYMENT_ERROR) ?? body}`.trim();
    },
    /** The object of a payer. Its bindings are those of a deployment: a restart reads them again. */
    async memory({ owner }: { owner: WalletSigner }): Promise<RefundingStub> {
      const stub = namespace.getByName(owner.account);
      await runInDurableObject(stub, (object) => void Reflect.set(object, "env", merchant));
      return stub;
    },
    async restart(people: { owner: WalletSigner }): Promise<RefundingStub> {
      await evictDurableObject(await shop.memory(people));
      return shop.memory(people);
    },
    /** Rings the alarm as often as something is due now. */
    async ring(people: { owner: WalletSigner }): Promise<void> {
      await runDurableObjectAlarm(await shop.memory(people));
    },
    async refundRow(people: { owner: WalletSigner }) {
      const stub = await shop.memory(people);
      return runInDurableObject(stub, (_, { storage: { sql } }) => {
        const exists = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'refund'").toArray().length > 0;
        return exists ? sql.exec("SELECT * FROM refund").toArray()[0] : undefined;
      });
    },
    balance: async ({ owner }: { owner: WalletSigner }): Promise<string> => (await backend.account(owner.account)).balance,
    async sales() {
      const register = namespace.getByName(`sales/${seller.account}/${dayOf(NOW)}`);
      return register.listSales("");
    },
    refundsMade: async (transaction: Digest) => backend.refunds.of(seller.account, transaction),
    withdraw: async () => {
      const { balance } = await backend.account(seller.account);
      const payment = await signedPayment(seller, { to: key.account, value: balance as Amount });
      const settled = await facilitator.settle(settleCommand(payment));
      if (!settled.success) throw new Error(settled.errorReason);
    },
    /** The seller's owner refunds by hand. */
    async refundByHand(transaction: Digest, people: { owner: WalletSigner }, amount: string): Promise<void> {
      const credit = await backend.refunds.creditOf(seller.account, transaction, 0);
      const refund: Refund = {
        version: "1",
        network: NETWORK,
        asset: ASSET,
        ledger: id,
        transaction,
        from: seller.account,
        to: people.owner.account,
        entry: String(credit?.entry),
        amount: amount as Amount,
        reason: "customer_request",
        id: randomDigest(),
        issuedAt: String(unixNow()),
      };
      const result = await facilitator.refund(await signRefund(refund, seller));
      if (!result.ok) throw new Error(result.code);
    },
  };
  return shop;
}
