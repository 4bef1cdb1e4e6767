/** The owner and the agent of the story on the chain itself: a real wallet on disk, and an agent that speaks HTTP. */

import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { fromBase64 } from "../../../shared/crypto/bytes.ts";
import { type Digest, digestSchema } from "../../../shared/crypto/digest.ts";
import { type PaymentPayload, paymentPayloadSchema } from "../../../shared/x402/x402.ts";
import { isLezAccountId, type LezAccountId } from "../../../shared/zone/account.ts";
import { decodeTransfer } from "../../../shared/zone/transfer.ts";
import type { CommandContext } from "../../command-line/command.ts";
import { readJson } from "../../runtime/files.ts";
import type { Outcome } from "../../runtime/outcome.ts";
import { DEVNET } from "../boot.ts";
import { type Purchase, send, verdict } from "../buyer.ts";
import { pricedUrl } from "../priced.ts";
import type { Stack } from "../stack.ts";
import { type Done, Wallet } from "../wallet.ts";

const REASON = "I need this report to answer the question that you asked me this morning.";

const ownerSchema = z.looseObject({ account: z.custom<LezAccountId>(isLezAccountId) });
const askedSchema = z.looseObject({ shortCode: z.string(), requestDigest: digestSchema, price: z.looseObject({ display: z.string() }) });
const revokedSchema = z.looseObject({ burn: z.optional(digestSchema) });
const nativeSchema = z.looseObject({ signedTx: z.string() });
const anything = z.unknown();

/** A request that the owner has not decided. */
export type Asked = z.infer<typeof askedSchema>;
export type Revoked = z.infer<typeof revokedSchema>;

/** A payment that is signed and not sent. */
export interface Signed {
  asked: Asked;
  payment: PaymentPayload;
  /** The transaction, as a sequencer takes it. */
  wire: Uint8Array;
  transaction: Digest;
}

/** How the merchant decided, and after how many times `settlement_pending`. */
export interface Decided {
  answer: Response;
  pending: number;
}

/** Between two presentations. The merchant itself waits for the chain before it answers. */
const PAUSE_MILLIS = 500;
/** Longer than the facilitator waits before it sends a transaction again. */
const PATIENCE_MILLIS = 60_000;

export class LezPeople {
  readonly account: LezAccountId;
  readonly report: Purchase;
  readonly #wallet: Wallet;

  private constructor(wallet: Wallet, account: LezAccountId, report: Purchase) {
    this.#wallet = wallet;
    this.account = account;
    this.report = report;
  }

  /** @throws {Error} with the code, if a key cannot be made */
  static async create(context: CommandContext, { merchant, facilitator, lez = "" }: Stack): Promise<LezPeople> {
    const config = { facilitatorUrl: facilitator, sequencers: { [DEVNET]: lez }, egress: { loopback: [merchant] } };
    const wallet = new Wallet(context, config);
    const words = ["owner", "create", "--kind", "lez", "--passphrase-file", wallet.passphraseFile];
    const owner = dataOf(await wallet.run(ownerSchema, words));
    dataOf(await wallet.run(anything, ["agent", "create"]));
    return new LezPeople(wallet, owner.account, { url: pricedUrl(merchant) });
  }

  /** The agent files a request for its owner. */
  async ask(): Promise<Asked> {
    const words = ["request", "create", this.report.url, "--network", DEVNET, "--reason", REASON, "--inbox"];
    return dataOf(await this.#wallet.run(askedSchema, words));
  }

  /**
   * The owner approves, and nothing is sent.
   * @returns what was signed, and the screen that the owner read before
   */
  async approve(asked: Asked, width?: number): Promise<{ signed: Signed; screen: readonly string[] }> {
    const file = this.#wallet.file(`payment-${asked.shortCode}.json`);
    const done = await this.#wallet.run(anything, ["approve", asked.shortCode, "--out", file, ...this.#unattended(asked)], width);
    dataOf(done);
    return { signed: signedIn(file, asked), screen: done.said };
  }

  /** @param burn uses the nonce up with a transfer of nothing */
  revoke({ asked }: Signed, { burn, width }: { burn: boolean; width?: number }): Promise<Done<Revoked>> {
    const how = burn ? ["--burn", ...this.#unattended(asked)] : ["--passphrase-file", this.#wallet.passphraseFile];
    return this.#wallet.run(revokedSchema, ["revoke", asked.shortCode, "--code", "wrong_payee", ...how], width);
  }

  /** The agent presents the payment once. */
  present({ payment }: Signed): Promise<Response> {
    return send(this.report, payment);
  }

  /** The agent presents the payment until the merchant has decided. */
  async presentUntilDecided(signed: Signed, first = this.present(signed)): Promise<Decided> {
    const deadline = performance.now() + PATIENCE_MILLIS;
    let answer = await first;
    let pending = 0;
    while (isPending(answer) && performance.now() < deadline) {
      pending++;
      await sleep(PAUSE_MILLIS);
      answer = await this.present(signed);
    }
    return { answer, pending };
  }

  /** In place of the owner's answers at a terminal. */
  #unattended({ requestDigest }: Asked): string[] {
    return ["--confirm", requestDigest, "--passphrase-file", this.#wallet.passphraseFile];
  }
}

/** @throws {Error} with the code of a failure: the story needs what the command makes */
function dataOf<Data>({ outcome }: { outcome: Outcome<Data> }): Data {
  if (outcome.ok) return outcome.data;
  throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
}

function signedIn(file: string, asked: Asked): Signed {
  const payment = dataOf({ outcome: readJson(file, paymentPayloadSchema, { what: "payment payload" }) });
  const wire = fromBase64(nativeSchema.parse(payment.payload).signedTx);
  const decoded = wire && decodeTransfer(wire);
  if (!wire || !decoded?.ok) throw new Error("what the owner signed is no transfer");
  return { asked, payment, wire, transaction: decoded.id };
}

function isPending(answer: Response): boolean {
  return verdict(answer) === "402 settlement_pending";
}
