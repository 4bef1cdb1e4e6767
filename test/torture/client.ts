/** A client in a bad world: it presents the same payment again and again until it hears something certain. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { newPayer, randomId, type SignedPayment, signedPayment } from "../signed.ts";

const PATIENCE_MILLIS = 90_000;
const BUDGET = "10000000";

export class TorturedClient {
  /** Transactions that it was told were paid. */
  readonly acknowledged: Digest[] = [];
  attempts = 0;
  retries = 0;
  /** Payments that it gave up on, and final answers that make no sense. */
  readonly complaints: string[] = [];
  readonly #origin: string;
  readonly #payer: WalletSigner;

  private constructor(origin: string, payer: WalletSigner) {
    this.#origin = origin;
    this.#payer = payer;
  }

  static async create(origin: string): Promise<TorturedClient> {
    const client = new TorturedClient(origin, await newPayer());
    const body = { account: client.account, amount: BUDGET, id: randomId() };
    for (let i = 0; i < 100; i++) {
      const balance = (await client.#post("/faucet", body)) as { balance?: string } | undefined;
      if (balance?.balance === BUDGET) return client;
      await sleep(100);
    }
    throw new Error("no money from the faucet");
  }

  get account(): AccountId {
    return this.#payer.account;
  }

  async payUntil(over: () => boolean, payees: readonly AccountId[]): Promise<void> {
    for (let i = 0; !over(); i++) {
      const to = payees[i % payees.length];
      const signed = await signedPayment(this.#payer, { value: String((i % 9) + 1) as Amount, ...(to && { to }) });
      await this.#pay(signed, i % 3 === 0);
    }
  }

  async #pay(signed: SignedPayment, bySale: boolean): Promise<void> {
    const { payload, requirements, transaction } = signed;
    const reservationId = randomId();
    const deadline = Date.now() + PATIENCE_MILLIS;
    for (let attempt = 0; Date.now() < deadline; attempt++) {
      this.attempts++;
      if (attempt > 0) this.retries++;
      const answer = bySale
        ? await this.#post("/sell", { payload, requirements, reservationId })
        : await this.#post("/settle", { x402Version: 2, paymentPayload: payload, paymentRequirements: requirements });
      const heard = verdictOf(answer);
      if (heard.paid && heard.transaction === transaction) return void this.acknowledged.push(transaction);
      if (!MAYBE_LATER.has(heard.code)) return void this.complaints.push(`${heard.code} ${JSON.stringify(answer)}`);
      await sleep(10 + 20 * Math.min(attempt, 10));
    }
    this.complaints.push("gave up");
  }

  /** The JSON that was answered; undefined when nothing was. */
  async #post(path: string, body: unknown): Promise<unknown> {
    try {
      const response = await fetch(this.#origin + path, { method: "POST", body: JSON.stringify(body), signal: AbortSignal.timeout(5000) });
      return await response.json();
    } catch {
      return undefined;
    }
  }
}

/** Answers after which the same payment may be presented again. */
const MAYBE_LATER = new Set([
  "no answer",
  "settlement_pending",
  "facilitator_unavailable",
  "overloaded",
  "payment_in_progress",
  "reservation_lost",
  "unexpected_settle_error",
  "internal_error",
]);

/** What /settle or /sell said, in one shape. That its nonce was used by this very payment is as good as a receipt. */
function verdictOf(answer: unknown): { paid: boolean; code: string; transaction: string | undefined } {
  const { success, ok, errorReason, code, error, transaction, extra } = (answer ?? {}) as {
    success?: boolean;
    ok?: boolean;
    errorReason?: string;
    code?: string;
    error?: string;
    transaction?: string;
    extra?: { transaction?: string };
  };
  const paid = success === true || ok === true;
  const reason = errorReason ?? code ?? error ?? (paid ? "" : "no answer");
  const used = extra?.transaction ?? (transaction || undefined);
  return { paid: paid || reason === "nonce_replayed", code: reason, transaction: used };
}
