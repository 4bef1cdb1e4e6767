/** Clients that pay and merchants that sell, over a network that they cannot trust. Each knows only what it was told. */

import { type Digest, digest } from "../../shared/crypto/digest.ts";
import type { LedgerRules } from "../../shared/ledger/rules.ts";
import { shardOf } from "../../shared/ledger/shards.ts";
import { captureOf, HELD, reservationOf, reserveOf, settleOf, START } from "../../shared/ledger/testing/ledger.ts";
import { claimOf, sessionOf } from "../../shared/ledger/testing/session-table.ts";
import { RETENTION_SECONDS } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount, Charge } from "../../shared/protocol/amount.ts";
import type { LedgerPayment } from "../../shared/protocol/ledger-payment.ts";
import type { LedgerSession, LedgerSessionMandate } from "../../shared/protocol/ledger-session.ts";
import type { Refusal } from "../../shared/protocol/refusal.ts";
import { type Machine, type Network, NoAnswer } from "./network.ts";
import { type Oracle, txOf } from "./oracle.ts";
import type { Shard } from "./shard.ts";

/** A mandate ends while payments are still made. */
const MANDATE_SECONDS = 90;

export interface World {
  network: Network;
  shards: readonly Shard[];
  oracle: Oracle;
}

/** A machine that remembers nothing over a crash. */
class Person implements Machine {
  readonly name: string;
  up = true;
  life = 0;
  skew = 0;
  protected readonly world: World;
  #ids = 0;

  constructor(name: string, world: World) {
    this.name = name;
    this.world = world;
    world.network.machines.push(this);
  }

  stop(): void {}
  start(): void {}

  /** A call to the payer's shard, once. */
  protected ask<T>(payer: AccountId, event: (rules: LedgerRules, clock: number) => T): Promise<T> {
    const { network, shards } = this.world;
    const shard = shards[shardOf(payer, shards.length)];
    if (!shard) throw new Error("no such shard");
    return network.call(this, shard, () => shard.commit(event));
  }

  protected newId(): Digest {
    return digest("Nonce", { of: this.name, life: String(this.life), number: String(this.#ids++) });
  }
}

/** What a merchant tells its client. `pending`: it does not know, and says so. */
export type Answer = { ok: true; value: Charge } | Refusal | { ok: false; code: "pending" };

export class Merchant extends Person {
  /** Serves a payment: holds the money, runs the handler, captures. Or settles at once. */
  async serve(payment: LedgerPayment): Promise<Answer> {
    const { random } = this.world.network;
    const answer = await (random.chance(0.6) ? this.#sell(payment) : this.#settle(payment)).catch(unknown);
    await this.#hear(payment, answer);
    return answer;
  }

  async #sell(payment: LedgerPayment): Promise<Answer> {
    const { network } = this.world;
    const id = this.newId();
    const reservation = reservationOf(payment, id);
    const held = await this.ask(payment.payer, (rules, clock) =>
      rules.reserve(reserveOf(payment, id, network.random.between(0, HELD)), clock),
    );
    if (!held.ok) return held;
    await network.sleep(this, network.random.between(0, 8000));
    if (network.random.chance(0.15)) {
      const released = await this.ask(payment.payer, (rules, clock) => rules.release(reservation, clock));
      return released.ok ? { ok: false, code: "pending" } : released;
    }
    return this.#twice(() => {
      const capture = captureOf(payment, id, this.#charge(payment));
      return this.ask(payment.payer, (rules, clock) => rules.capture(capture, clock));
    });
  }

  #settle(payment: LedgerPayment): Promise<Answer> {
    const id = this.newId();
    return this.#twice(() => {
      const settlement = settleOf(payment, id, this.#charge(payment));
      return this.ask(payment.payer, (rules, clock) => rules.settle(settlement, clock));
    });
  }

  /** Of `upto` another one each time that it asks, and sometimes too much: it remembers nothing. */
  #charge({ scheme, value }: LedgerPayment): Charge | undefined {
    const { random } = this.world.network;
    return scheme && (String(random.chance(0.2) ? 0 : random.between(0, Number(value) + 2)) as Charge);
  }

  /** The same call with the same id again, when there was no answer. */
  async #twice<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      return call();
    }
  }

  /** For the payee: gives a payment back in up to three parts at once, which may be too much together. */
  async giveBack(payment: LedgerPayment): Promise<void> {
    const { random } = this.world.network;
    const { payee } = payment;
    const credit = await this.ask(payee, (rules) => rules.creditOf(payee, txOf(payment), 0));
    if (credit?.value === undefined) return;
    const parts = Array.from({ length: random.between(1, 3) }, () => random.between(1, Number(credit.value) + 1));
    await Promise.all(parts.map((amount) => this.#refund(payment, credit.entry, String(amount) as Amount)));
  }

  async #refund({ payer, payee, ...payment }: LedgerPayment, entry: number, amount: Amount): Promise<void> {
    const { network, oracle } = this.world;
    const terms = { payee, payer, transaction: txOf(payment), entry, amount, id: this.newId() };
    const issuedAt = START + Math.floor(network.now / 1000);
    const refund = { ...terms, issuedAt, refundDigest: digest("Refund", { ...terms, entry: String(entry), issuedAt: String(issuedAt) }) };
    const answer = await this.#twice(() => this.ask(payee, (rules, clock) => rules.refund(refund, clock)));
    if (answer.ok) oracle.saidRefunded(answer.transaction);
  }

  /**
   * For the payee: opens the session, claims more and more of its lanes, sometimes too much or what was claimed before, and sometimes says
   * that it takes nothing more.
   */
  async sell(session: LedgerSession): Promise<void> {
    const { network, oracle } = this.world;
    const { random } = network;
    const { payer } = session;
    const opened = await this.#twice(() => this.ask(payer, (rules, clock) => rules.openSession(session, clock)));
    if (!opened.ok) return;
    const lanes: Record<string, number> = {};
    for (let i = 0; i < 5; i++) {
      await network.sleep(this, random.between(0, 8000));
      const lane = random.pick(["0", "1a".repeat(16), "2b".repeat(16)]);
      lanes[lane] = (lanes[lane] ?? 0) + random.between(1, 20);
      const claim = claimOf(random.chance(0.15) ? {} : random.chance(0.3) ? { [lane]: lanes[lane] } : lanes, session);
      const answer = await this.#twice(() => this.ask(payer, (rules, clock) => rules.claimSession(claim, clock)));
      if (answer.ok && answer.transaction) oracle.saidClaimed(answer.transaction, answer.value);
      if (answer.ok && answer.session.status === "closed") oracle.saidClosed(session.id, answer.session.claimed);
    }
  }

  async #hear(payment: LedgerPayment, answer: Answer): Promise<void> {
    const { oracle } = this.world;
    if (answer.ok) return oracle.saidPaid(payment, answer.value);
    if (answer.code === "nonce_replayed" && "transaction" in answer && answer.transaction === txOf(payment))
      return oracle.saidPaid(payment);
    if (answer.code !== "payment_expired") return;
    // That it cannot be paid any more is no proof that it was not, long ago: whether it was, status says, as long as the ledger remembers.
    const { payer, nonce, validBefore } = payment;
    const found = await this.ask(payer, (rules, clock) => rules.status(payer, nonce, validBefore, clock)).catch(() => undefined);
    if (found?.status === "expired") oracle.saidNever(payment);
  }
}

function unknown(error: unknown): Answer {
  if (error instanceof NoAnswer) return { ok: false, code: "pending" };
  throw error;
}

export class Client extends Person {
  readonly account: AccountId;
  /** About half of the payments are under it, as its agent signs them: more than it allows. */
  readonly #mandate: LedgerSessionMandate;
  #nonces = 0;

  constructor(account: AccountId, world: World) {
    super(account, world);
    this.account = account;
    this.#mandate = {
      digest: digest("Nonce", { mandate: account }),
      grantedAt: START,
      validAfter: START,
      validBefore: START + MANDATE_SECONDS,
      total: "120" as Amount,
      period: { seconds: 20, amount: "80" as Amount, count: 2 },
      session: { deposit: "60" as Amount, open: 2 },
    };
    world.oracle.grant(account, this.#mandate);
  }

  /** One purchase to its end: the same payment again and again until something certain is heard, then a look at the ledger. */
  async buy(payee: AccountId, merchants: readonly Merchant[]): Promise<void> {
    const { network, oracle } = this.world;
    const { random } = network;
    const nonce = digest("Nonce", { of: this.account, number: String(this.#nonces++) });
    const payment = this.#sign(payee, nonce);
    // Sometimes a second payment with the same nonce: only one of the two may ever be paid.
    const both = random.chance(0.2) ? [payment, this.#sign(payee, nonce)] : [payment];
    for (const each of both) oracle.issue(each);
    await Promise.all(both.map((each) => this.#present(each, merchants)));
    if (random.chance(0.1)) await this.#cancel(payment);
    if (random.chance(0.05)) await this.#revoke();
    await this.#lookUp(payment);
    if (random.chance(0.5)) {
      const merchant = random.pick(merchants);
      await network.call(this, merchant, () => merchant.giveBack(payment)).catch(unknown);
    }
    // A thief finds the old payment and presents it once more.
    await network.sleep(this, network.random.between(0, 10_000));
    await this.#present(payment, merchants);
  }

  /** A session to its end, of which several merchants claim for the same payee. Sometimes the client wants the rest back, or pays with its nonce. */
  async rent(payee: AccountId, merchants: readonly Merchant[]): Promise<void> {
    const { network, oracle } = this.world;
    const { random } = network;
    const nonce = digest("Nonce", { of: this.account, session: String(this.#nonces++) });
    const session = this.#deposit(payee, nonce);
    oracle.lend(session);
    const rival = random.chance(0.3) ? this.#sign(payee, nonce) : undefined;
    if (rival) oracle.issue(rival);
    await Promise.all([
      ...merchants.map((merchant) => network.call(this, merchant, () => merchant.sell(session)).catch(unknown)),
      rival && this.#present(rival, merchants),
      random.chance(0.5) && this.#wantBack(session),
    ]);
    if (rival && random.chance(0.3)) await this.#cancel(rival);
    if (rival) await this.#lookUp(rival);
    const { payer, id } = session;
    await network.sleep(this, random.between(0, 40_000));
    const found = await this.ask(payer, (rules, clock) => rules.sessionOf({ payer, id }, clock)).catch(() => undefined);
    if (found && "status" in found && found.status === "closed") oracle.saidClosed(id, found.claimed);
  }

  async #wantBack({ payer, id }: LedgerSession): Promise<void> {
    const { network } = this.world;
    await network.sleep(this, network.random.between(0, 20_000));
    await this.ask(payer, (rules, clock) => rules.withdrawSession({ payer, id }, clock)).catch(unknown);
  }

  #deposit(payee: AccountId, nonce: Digest): LedgerSession {
    const { network } = this.world;
    const { random } = network;
    const now = START + Math.floor(network.now / 1000);
    return sessionOf({
      payer: this.account,
      payee,
      nonce,
      deposit: String(random.between(1, 50)) as Amount,
      validAfter: now - 1,
      validBefore: now + 10,
      expiresAt: now + random.between(10, 40),
      withdrawDelay: random.between(2, 20),
      ...(random.chance(0.5) && { mandate: this.#mandate }),
    });
  }

  async #present(payment: LedgerPayment, merchants: readonly Merchant[]): Promise<void> {
    const { network } = this.world;
    for (let attempt = 0; attempt < 4; attempt++) {
      const merchant = network.random.pick(merchants);
      const answer = await network.call(this, merchant, () => merchant.serve(payment)).catch(unknown);
      if (answer.ok || answer.code === "nonce_replayed" || answer.code === "payment_expired") return;
      await network.sleep(this, network.random.between(0, 3000));
    }
  }

  /** What is signed afterwards can never be paid. What was claimed before can. */
  async #revoke(): Promise<void> {
    const { account: payer, world } = this;
    const command = { payer, mandate: this.#mandate.digest, revokedAt: START };
    const revoked = await this.ask(payer, (rules, clock) => rules.revoke(command, clock)).catch(unknown);
    if (revoked.ok) world.oracle.saidRevoked(this.#mandate.digest);
  }

  async #cancel({ payer, nonce }: LedgerPayment): Promise<void> {
    const { oracle } = this.world;
    const cancelled = await this.ask(payer, (rules, clock) => rules.cancel(payer, nonce, clock)).catch(unknown);
    if (cancelled.ok) for (const payment of oracle.withNonce(payer, nonce)) this.#saidCancelled(payment);
  }

  /** Asks around the dead line, while merchants may still be capturing. */
  async #lookUp(payment: LedgerPayment): Promise<void> {
    const { network, oracle } = this.world;
    const { payer, nonce, validBefore } = payment;
    for (let attempt = 0; attempt < 5; attempt++) {
      const found = await this.ask(payer, (rules, clock) => rules.status(payer, nonce, validBefore, clock)).catch(() => undefined);
      if (found?.status === "settled" && found.transaction === txOf(payment))
        return oracle.saidPaid(payment, found.charged ?? payment.value);
      if (found?.status === "expired") return oracle.saidNever(payment);
      if (found?.status === "cancelled") return this.#saidCancelled(payment);
      if (found?.status === "session") return oracle.saidNever(payment);
      const end = (validBefore - START) * 1000;
      await network.sleep(this, Math.max(network.random.between(100, 3000), end - network.now + network.random.between(-2000, 3000)));
    }
  }

  /** A nonce can be cancelled at any time. That nothing was ever paid with it follows only while the ledger would remember. */
  #saidCancelled(payment: LedgerPayment): void {
    const { shards, oracle } = this.world;
    const latest = shards[shardOf(payment.payer, shards.length)]?.latest ?? 0;
    if (latest <= payment.validBefore + RETENTION_SECONDS) oracle.saidNever(payment);
  }

  #sign(payee: AccountId, nonce: Digest): LedgerPayment {
    const { network } = this.world;
    const { random } = network;
    const now = START + Math.floor(network.now / 1000);
    const value = String(random.between(1, 60)) as Amount;
    const scheme = random.chance(0.4) ? ({ scheme: "upto" } as const) : {};
    const terms = { payer: this.account, nonce, payee, value, ...scheme, validAfter: now - 1, validBefore: now + random.between(2, 40) };
    const mandate = random.chance(0.5) && now <= this.#mandate.validBefore ? this.#mandate : undefined;
    const signed = { ...terms, validAfter: String(terms.validAfter), validBefore: String(terms.validBefore), mandate: mandate?.digest };
    return { ...terms, ...(mandate && { mandate }), authorizationDigest: digest("Authorization", signed) };
  }
}
