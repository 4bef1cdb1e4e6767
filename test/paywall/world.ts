/** A merchant's app over an in-process facilitator and ledger, with a clock to turn and a facilitator to break. */

import { type Context, Hono, type Handler, type MiddlewareHandler } from "hono";
import { inProcessBackend } from "../../agent-cli/demo/in-process.ts";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { approve, ask, createPeople } from "../../agent-cli/demo/people.ts";
import { bytesToHex, randomBytes, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest, randomDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import { FAUCET_GRANT, GENESIS_SUPPLY } from "../../shared/limits.ts";
import type { BoundRequest } from "../../shared/protocol/binding.ts";
import { Facilitator } from "../../shared/settlement/facilitator.ts";
import { unixNow } from "../../shared/time.ts";
import {
  decodeHeader,
  encodeHeader,
  PAYMENT_ERROR,
  PAYMENT_REQUIRED,
  PAYMENT_RESPONSE,
  PAYMENT_SIGNATURE,
} from "../../shared/x402/headers.ts";
import { type PaymentPayload, paymentRequiredSchema, settleResponseSchema } from "../../shared/x402/x402.ts";
import { paywall, paywallCors, type PaywallEnv, type PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import type { IdempotencyStore, ClaimResult } from "../../workers/merchant/paywall/memory/idempotency-store.ts";
import type { DeliveryStore, FacilitatorRpc } from "../../workers/merchant/paywall/types.ts";

export const ORIGIN = "https://merchant.example.com";
export const PRICE = "10000";
const REASON = "The brief asks for this, and no free source has it.";

export async function createWorld() {
  const clock = { now: unixNow() };
  const newLedger = () => new LedgerRules(memoryStore(), { ledger: randomId(), supply: GENESIS_SUPPLY, at: clock.now });
  const facilitatorOf = (ledger: LedgerRules) =>
    new Facilitator(
      inProcessBackend(ledger, () => clock.now),
      ledger.info().ledger,
      new Map(),
      () => clock.now,
    );
  let ledger = newLedger();
  let facilitator = facilitatorOf(ledger);
  const people = await createPeople();
  ledger.fund(people.owner.account, FAUCET_GRANT, randomId(), clock.now);

  /** The facilitator's RPC surface. Tests replace its methods to break it. */
  const rpc: FacilitatorRpc = {
    supported: async () => facilitator.supported(),
    reserve: (command) => facilitator.reserve(command),
    capture: (reservation) => facilitator.capture(reservation),
    release: (reservation) => facilitator.release(reservation),
    settle: (command) => facilitator.settle(command),
  };
  const env = { FACILITATOR: rpc, PAY_TO: DEMO_MERCHANT_ACCOUNT as string, PUBLIC_ORIGIN: "" };

  return {
    clock,
    people,
    rpc,
    env,
    get ledger() {
      return ledger;
    },
    /** Another genesis: what every offer said about the ledger is stale. */
    replaceLedger() {
      ledger = newLedger();
      facilitator = facilitatorOf(ledger);
      ledger.fund(people.owner.account, FAUCET_GRANT, randomId(), clock.now);
    },
    spent: () => BigInt(FAUCET_GRANT) - BigInt(ledger.account(people.owner.account).balance),
    held: () => ledger.account(people.owner.account).held,
    randomId,

    /** What the isolate has learned of its facilitator is not known in another one. @returns back to the first */
    enterNewIsolate() {
      const before = env.FACILITATOR;
      env.FACILITATOR = Object.create(before) as FacilitatorRpc;
      return () => void (env.FACILITATOR = before);
    },

    /** An app with one priced route. @param around middleware between the app and the paywall */
    shop(handler: Handler<PaywallEnv>, options: Partial<PaywallOptions> = {}, around: MiddlewareHandler[] = [paywallCors()]) {
      const app = new Hono<PaywallEnv>();
      for (const middleware of around) app.use(middleware);
      app.all("/item/*", paywall({ amount: PRICE, ...options }), handler);
      app.onError((_error, c: Context) => c.text("broken", 500));
      return this.around(app);
    },

    /** Requests and payments to an app with routes of its own. */
    around(app: Hono<PaywallEnv>) {
      const get = async (path: string, init: RequestInit = {}) => app.request(`${ORIGIN}${path}`, init, env);
      return {
        get,
        /** Terms, request and approval for one request. */
        async approved(path: string, init: RequestInit = {}): Promise<PaymentPayload> {
          const challenge = await get(path, init);
          const required = decodeHeader(challenge.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
          const [offer] = required.ok ? required.value.accepts : [];
          if (!offer) throw new Error(`no offer: ${challenge.status}`);
          const sent = typeof init.body === "string" ? utf8(init.body) : init.body;
          const body = sent instanceof Uint8Array && sent.length > 0 ? { bodySha256: bodyDigest(sent) } : {};
          const request: BoundRequest = { method: init.method ?? "GET", url: `${ORIGIN}${path}`, ...body };
          return approve(people.owner, await ask(people.agent, request, offer, REASON));
        },
        pay: (path: string, payment: PaymentPayload, init: RequestInit = {}) =>
          get(path, { ...init, headers: { ...(init.headers as Record<string, string>), [PAYMENT_SIGNATURE]: encodeHeader(payment) } }),
      };
    },
  };
}

export function randomId(): Digest {
  return bytesToHex(randomBytes(32)) as Digest;
}

/** `402 nonce_replayed`, or `200`. */
export function verdict(response: Response): string {
  return `${response.status} ${response.headers.get(PAYMENT_ERROR) ?? ""}`.trim();
}

export function receiptOf(response: Response) {
  const receipt = decodeHeader(response.headers.get(PAYMENT_RESPONSE) ?? "", settleResponseSchema);
  return receipt.ok ? receipt.value : undefined;
}

export function termsOf(response: Response) {
  const required = decodeHeader(response.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
  return required.ok ? required.value : undefined;
}

/** Memory that is asked over a wire: each call takes some milliseconds each way. */
export function distant(memory: DeliveryStore, millis: number): DeliveryStore {
  const pause = () => new Promise((resolve) => setTimeout(resolve, millis));
  const over = <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) => {
    return async (...args: Args) => {
      await pause();
      const result = await call(...args);
      await pause();
      return result;
    };
  };
  const { startRun, endRun } = memory;
  return {
    begin: over(memory.begin),
    resume: over(memory.resume),
    finish: over(memory.finish),
    ...(startRun && { startRun: over(startRun) }),
    ...(endRun && { endRun: over(endRun) }),
  };
}

/** One payer's answers, in memory; a claim never lapses. */
export function memoryAnswers(): IdempotencyStore {
  const rows = new Map<Digest, { order?: Digest; lease: Digest; claim: ClaimResult }>();
  return {
    claim: async (key, order, lease) => {
      const row = rows.get(key);
      if (row && row.claim.state !== "granted") return row.claim;
      if (row) return { state: "busy" };
      const claim = { state: "granted", reservationId: randomDigest() } as const;
      rows.set(key, { order, lease, claim });
      return claim;
    },
    recall: async (key, order) => {
      const row = rows.get(key);
      return row?.order === order && row.claim.state === "paid" ? row.claim : undefined;
    },
    store: async (key, lease, reservation, answer) => {
      if (rows.get(key)?.lease !== lease) return false;
      rows.set(key, { ...rows.get(key), lease, claim: { state: "stored", reservation, ...(answer && { answer }) } });
      return true;
    },
    paid: async (key, receipt) => {
      const { claim, lease = "" as Digest } = rows.get(key) ?? {};
      rows.set(key, {
        ...rows.get(key),
        lease,
        claim: { state: "paid", receipt, paidAt: unixNow(), ...(claim?.state === "stored" && { answer: claim.answer }) },
      });
    },
    free: async (key, lease) => void (rows.get(key)?.lease === lease && rows.delete(key)),
  };
}
