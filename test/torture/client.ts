/** A client in a bad world: it presents the same payment again and again until it hears something certain. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../../shared/crypto/digest.ts";
import { NETWORK, SCHEME, UPTO } from "../../shared/lez.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import type { Mandate } from "../../shared/protocol/mandate.ts";
import { signRevocation } from "../../shared/protocol/revocation.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { newMandate, newPayer, randomId, type SignedPayment, signedPayment, signedUnder } from "../signed.ts";
import { get, MAYBE_LATER, PATIENCE_MILLIS, post } from "./http.ts";
import { LIMITS, TorturedMandate } from "./mandate.ts";

const BUDGET = "10000000";
/** Payments with the payer's own key between two mandates. */
const PLAIN = 4;
/** Payments under a mandate that race for what is left of it. */
const TOGETHER = 3;
/** By then every mandate is used up, unless the ledger does not count. */
const MAX_ROUNDS = 8;
const HIGHEST = 9;

interface Terms {
  bySale: boolean;
  changes: { value: Amount; to?: AccountId; scheme?: "upto" };
}

export class TorturedClient {
  /** Transactions that it was told were paid. */
  readonly acknowledged: Digest[] = [];
  /** Of `upto`: what it was told was charged. One that was charged nothing is not among the acknowledged: nothing is in the books. */
  readonly charges = new Map<Digest, string>();
  attempts = 0;
  retries = 0;
  /** Payments that it gave up on, and final answers that make no sense. */
  readonly complaints: string[] = [];
  /** Those that it has used. */
  readonly mandates: TorturedMandate[] = [];
  readonly #origin: string;
  readonly #ledger: Digest;
  readonly #payer: WalletSigner;
  readonly #agent: WalletSigner;
  #begun = 0;

  private constructor(origin: string, ledger: Digest, payer: WalletSigner, agent: WalletSigner) {
    this.#origin = origin;
    this.#ledger = ledger;
    this.#payer = payer;
    this.#agent = agent;
  }

  static async create(origin: string, ledger: Digest): Promise<TorturedClient> {
    const client = new TorturedClient(origin, ledger, await newPayer(), await newPayer());
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

  /** About half under mandates: one is used up, the next revoked while payments under it are under way. At least two are used. */
  async payUntil(over: () => boolean, payees: readonly AccountId[]): Promise<void> {
    for (let i = 0; i < 2 || !over(); i++) {
      for (let plain = 0; plain < PLAIN; plain++) await this.#pay(this.#nextTerms(payees));
      const limits = {
        ...LIMITS[Math.floor(Math.random() * LIMITS.length)],
        schemes: [SCHEME, UPTO] as Mandate["schemes"],
        perPayment: String(HIGHEST) as Amount,
        payees: [...payees].toSorted(),
      };
      const mandate = new TorturedMandate(await newMandate(this.#payer, this.#agent, this.#ledger, limits));
      this.mandates.push(mandate);
      const together = () => Promise.all(Array.from({ length: TOGETHER }, () => this.#payUnder(mandate, this.#nextTerms(payees))));
      if (i % 2 === 0) {
        for (let round = 0; round < MAX_ROUNDS && mandate.count("mandate_exceeded") === 0; round++) await together();
      } else {
        await Promise.all([together(), this.#revoke(mandate, Math.random() < 0.5)]);
        await this.#payUnder(mandate, this.#nextTerms(payees));
      }
    }
  }

  #nextTerms(payees: readonly AccountId[]): Terms {
    const i = this.#begun++;
    const to = payees[i % payees.length];
    const upto = i % 4 === 1 && ({ scheme: "upto" } as const);
    return { bySale: i % 3 === 0, changes: { value: String((i % HIGHEST) + 1) as Amount, ...(to && { to }), ...upto } };
  }

  async #pay({ bySale, changes }: Terms): Promise<void> {
    const outcome = await this.#present(await signedPayment(this.#payer, changes), bySale);
    if (outcome !== "paid") this.complaints.push(outcome);
  }

  async #payUnder(mandate: TorturedMandate, { bySale, changes }: Terms): Promise<void> {
    const late = mandate.revokedAt !== undefined;
    const signed = await signedUnder(mandate.signed, this.#agent, changes);
    const outcome = await this.#present(signed, bySale);
    mandate.payments.set(signed.transaction, { bySale, late, outcome });
    if (!["paid", "mandate_exceeded", "mandate_revoked"].includes(outcome)) this.complaints.push(`under a mandate: ${outcome}`);
  }

  async #revoke(mandate: TorturedMandate, byAgent: boolean): Promise<void> {
    const terms = { version: "1", network: NETWORK, ledger: this.#ledger, from: this.account, mandate: mandate.digest } as const;
    const revocation = { ...terms, revokedAt: String(unixNow()) };
    const signed = byAgent ? await signRevocation(revocation, this.#agent, mandate.signed) : await signRevocation(revocation, this.#payer);
    const deadline = Date.now() + PATIENCE_MILLIS;
    while (Date.now() < deadline) {
      const answer = (await this.#post("/mandates/revoke", signed)) as { success?: boolean; revokedAt?: number } | undefined;
      if (answer?.success) return void (mandate.revokedAt = answer.revokedAt);
      await sleep(100);
    }
    this.complaints.push("gave up on a revocation");
  }

  /** @returns "paid", or the code of the refusal */
  async #present(signed: Omit<SignedPayment, "payment">, bySale: boolean): Promise<string> {
    const { payload, requirements, transaction } = signed;
    const reservationId = randomId();
    const most = Number(requirements.amount);
    const deadline = Date.now() + PATIENCE_MILLIS;
    for (let attempt = 0; Date.now() < deadline; attempt++) {
      // Another charge each time, from nothing to the whole: the first that the ledger takes stands.
      const charge = requirements.scheme === UPTO ? { value: String(Math.floor(Math.random() * (most + 1))) } : {};
      const settled = charge.value === undefined ? requirements : { ...requirements, amount: charge.value };
      this.attempts++;
      if (attempt > 0) this.retries++;
      const answer = bySale
        ? await this.#post("/sell", { payload, requirements, reservationId, ...charge })
        : await this.#post("/settle", { x402Version: 2, paymentPayload: payload, paymentRequirements: settled });
      const heard = verdictOf(answer);
      if (heard.paid && heard.transaction === transaction) {
        const charged = heard.charged ?? (charge.value === undefined ? requirements.amount : await this.#charged(signed));
        if (charge.value !== undefined) this.charges.set(transaction, charged);
        if (charged !== "0") this.acknowledged.push(transaction);
        return "paid";
      }
      if (!MAYBE_LATER.has(heard.code)) return heard.code;
      await sleep(10 + 20 * Math.min(attempt, 10));
    }
    return "gave up";
  }

  /** What the ledger says was charged, where the answer was that the payment is used. */
  async #charged({ payload }: Omit<SignedPayment, "payment">): Promise<string> {
    const { nonce, validBefore } = payload.payload["authorization"] as Authorization;
    const deadline = Date.now() + PATIENCE_MILLIS;
    while (Date.now() < deadline) {
      const path = `/settlements/${NETWORK}/${this.account}/${nonce}?validBefore=${validBefore}`;
      const answer = (await get(this.#origin + path)) as { charged?: string } | undefined;
      if (answer?.charged !== undefined) return answer.charged;
      await sleep(100);
    }
    return "not said";
  }

  #post(path: string, body: unknown): Promise<unknown> {
    return post(this.#origin + path, body);
  }
}

/** What /settle or /sell said, in one shape. That its nonce was used by this very payment is as good as a receipt. */
function verdictOf(answer: unknown): { paid: boolean; code: string; transaction: string | undefined; charged: string | undefined } {
  const { success, ok, errorReason, code, error, transaction, extra, amount, value } = (answer ?? {}) as {
    success?: boolean;
    ok?: boolean;
    errorReason?: string;
    code?: string;
    error?: string;
    transaction?: string;
    extra?: { transaction?: string };
    amount?: string;
    value?: string;
  };
  const paid = success === true || ok === true;
  const reason = errorReason ?? code ?? error ?? (paid ? "" : "no answer");
  const used = extra?.transaction ?? (transaction || undefined);
  return { paid: paid || reason === "nonce_replayed", code: reason, transaction: used, charged: paid ? (amount ?? value) : undefined };
}
