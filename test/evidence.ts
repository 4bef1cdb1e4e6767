/** Genuine evidence with fixed keys and clocks: payments of one owner at one merchant, settled on one ledger. */

import { base64urlnopad } from "@scure/base";
import { CompactSign, importJWK } from "jose";
import { memoryStore } from "../agent-cli/demo/memory-store.ts";
import { hexToBytes, utf8 } from "../shared/crypto/bytes.ts";
import { canonicalJson, digest, type Digest } from "../shared/crypto/digest.ts";
import type { Evidence } from "../shared/evidence/evidence.ts";
import type { KnownKeys } from "../shared/evidence/keys.ts";
import { evidencePaymentSchema } from "../shared/evidence/payment-part.ts";
import { verifyRefund } from "../shared/exact/refund.ts";
import { verifyPayment } from "../shared/exact/verify.ts";
import { offerPayload, receiptPayload, type SignedJws } from "../shared/extensions/offer-receipt.ts";
import { checkpointOf } from "../shared/ledger/checkpoint.ts";
import { LedgerRules } from "../shared/ledger/rules.ts";
import { NETWORK, type Scheme } from "../shared/lez.ts";
import type { AccountId } from "../shared/protocol/account.ts";
import type { Amount, Charge } from "../shared/protocol/amount.ts";
import { authorizationFor, signPayload, signWithin } from "../shared/protocol/approval.ts";
import { type Authorization, authorizationDigest, transactionOf } from "../shared/protocol/authorization.ts";
import { type Mandate, mandateDigest, signMandate } from "../shared/protocol/mandate.ts";
import type { PaymentRequestBody } from "../shared/protocol/payment-request.ts";
import type { ProofSigner } from "../shared/protocol/proof.ts";
import { type Refund, signRefund } from "../shared/protocol/refund.ts";
import { keySigner } from "../shared/protocol/signer.ts";
import type { Usage } from "../shared/protocol/usage.ts";
import { signCheckpoint } from "../workers/ledger-do/sign-checkpoint.ts";
import { agent, approve, LEDGER, merchant, NOW, offerOf, owner, paymentRequest, REFUND, REQUEST } from "./fixtures.ts";

export const MERCHANT_SEED = "5a".repeat(32);
const LEDGER_SEED = "5b".repeat(32);
const idOf = (number: number) => number.toString(16).padStart(64, "0") as Digest;

const merchantKey = (await keySigner(hexToBytes(MERCHANT_SEED))).publicKey;
const ledgerKey = (await keySigner(hexToBytes(LEDGER_SEED))).publicKey;
const kid = `did:web:${encodeURIComponent(new URL(REQUEST.url).host)}#key`;

/** Signatures of a merchant, or of a forger who claims to be it. */
export async function statement(payload: object, seed = MERCHANT_SEED, name = kid): Promise<SignedJws> {
  const { publicKey } = await keySigner(hexToBytes(seed));
  const part = (hex: string) => base64urlnopad.encode(hexToBytes(hex));
  const key = await importJWK({ kty: "OKP", crv: "Ed25519", x: part(publicKey), d: part(seed) }, "EdDSA");
  const jws = new CompactSign(utf8(canonicalJson(payload))).setProtectedHeader({ alg: "EdDSA", kid: name });
  return { format: "jws", signature: await jws.sign(key) };
}

interface Metered {
  offer: ReturnType<typeof offerOf>;
  amount: Charge;
  usage?: Usage;
}

/** A ledger on which the owner has money, and buys. Or another payer, with a proof. */
export class Shop {
  readonly #rules = new LedgerRules(memoryStore(), { ledger: LEDGER, supply: 10n ** 9n, at: NOW });
  #bought = 0;
  #refunded = 0;

  readonly #payer: ProofSigner;

  constructor(payer: ProofSigner = owner) {
    this.#payer = payer;
    this.#rules.fund(payer.account, "1000000" as Amount, idOf(1), NOW);
  }

  /**
   * @param further payments that the checkpoint covers as well
   * @param mandate under which the agent pays; else the owner approves
   * @param metered an offer of scheme `upto`, and what is charged for it
   */
  async buy(changes: Partial<PaymentRequestBody> = {}, further = 0, mandate?: Mandate, metered?: Metered): Promise<Evidence> {
    const { offer = offerOf(), amount, usage } = metered ?? {};
    const request = await paymentRequest(offer, { id: `pr_${idOf(++this.#bought).slice(-16)}`, ...changes });
    const { checked } = await approve(request);
    const payload = mandate
      ? await signWithin(await signMandate(mandate, this.#payer), request, checked, agent, NOW)
      : await signPayload(request, checked, authorizationFor(request, checked, this.#payer.account, NOW), this.#payer);
    const settled = await this.#pay(payload, offer, amount);
    const said = { success: true, network: NETWORK, ...settled, amount: amount ?? offer.amount, ...(usage && { extra: { usage } }) };
    for (let i = 0; i < further; i++) {
      const other = await paymentRequest(offerOf(), { id: `pr_${idOf(++this.#bought).slice(-16)}` });
      await this.#pay((await approve(other)).payload);
    }
    const { journalSeq } = this.#rules.account(this.#payer.account);
    const checkpoint = this.#rules.attest(this.#payer.account, journalSeq, NOW + 60);
    if (!checkpoint || "code" in checkpoint) throw new Error("no checkpoint");
    const entries = this.#rules.journal(this.#payer.account, journalSeq - 1 - further, further + 1) as NonNullable<
      Evidence["ledger"]
    >["entries"];
    return {
      version: "1",
      request,
      payment: evidencePaymentSchema.parse(payload.payload),
      offer: await statement(offerPayload(REQUEST.url, offer, NOW + 900)),
      receipt: await statement(receiptPayload(REQUEST.url, said, NOW + 6, offer.scheme)),
      // Nothing was charged: there is no debit to show.
      ...(amount !== "0" && { ledger: { entries, checkpoint: await signCheckpoint(checkpoint, LEDGER_SEED) } }),
    };
  }

  /**
   * The same evidence once the merchant has given back these amounts, one refund after the other.
   * @param under the mandate for refunds that the agent's key signs them under; else the merchant's own key does
   */
  async refund(paid: Evidence, amounts: readonly string[], under?: Mandate): Promise<Evidence> {
    const granted = under && (await signMandate(under, merchant));
    const refunds: NonNullable<Evidence["refunds"]> = [];
    for (const amount of amounts) {
      const refund: Refund = {
        ...REFUND,
        transaction: transactionOf(NETWORK, authorizationDigest(paid.payment.authorization)),
        entry: this.#creditOf(paid),
        amount: amount as Amount,
        id: idOf(100 + ++this.#refunded),
        issuedAt: String(NOW + 90),
        ...(under && { mandate: mandateDigest(under) }),
      };
      const signed = await signRefund(refund, granted ? agent : merchant, granted);
      const verified = await verifyRefund(signed, LEDGER);
      const result = verified.ok && this.#rules.refund(verified.refund, NOW + 100);
      if (!result || !result.ok) throw new Error("not refunded");
      refunds.push({ signed, received: await this.#lastOf(owner.account), given: await this.#lastOf(merchant.account) });
    }
    return { ...paid, refunds };
  }

  #creditOf({ payment: { authorization } }: Evidence): string {
    const transaction = transactionOf(NETWORK, authorizationDigest(authorization));
    return this.#rules.journal(merchant.account, 0, 1000).find((entry) => entry.transaction === transaction)?.seq ?? "";
  }

  /** The last entry of an account, under a checkpoint. */
  async #lastOf(account: AccountId): Promise<NonNullable<Evidence["ledger"]>> {
    const { journalSeq } = this.#rules.account(account);
    const checkpoint = this.#rules.attest(account, journalSeq, NOW + 120);
    if (!checkpoint || "code" in checkpoint) throw new Error("no checkpoint");
    const entries = this.#rules.journal(account, journalSeq - 1, 1) as NonNullable<Evidence["ledger"]>["entries"];
    return { entries, checkpoint: await signCheckpoint(checkpoint, LEDGER_SEED) };
  }

  async #pay(payload: unknown, offer = offerOf(), value?: Charge) {
    const verified = await verifyPayment(payload, offer, { now: NOW + 5, ledger: LEDGER }, offer.scheme as Scheme);
    const settlement = verified.ok && { payment: verified.payment, settlementId: idOf(2), ...(value !== undefined && { value }) };
    const result = settlement && this.#rules.settle(settlement, NOW + 5);
    if (!result || !result.ok) throw new Error("not paid");
    return { transaction: result.transaction, payer: result.payer };
  }
}

/** All public keys. */
export async function keysFor({ request }: Pick<Evidence, "request">): Promise<KnownKeys> {
  return {
    merchants: { [new URL(REQUEST.url).origin]: [merchantKey] },
    ledgers: { [LEDGER]: [ledgerKey] },
    owners: [owner.account],
    agents: [request.agent.publicKey],
  };
}

/** What the owner signed, whatever it is. */
export async function orderOf(authorization: Authorization): Promise<Evidence["payment"]> {
  return { authorization, publicKey: owner.publicKey, signature: await owner.sign(authorizationDigest(authorization)) };
}

/** What the ledger's operator signed, whatever it is: the debit of an authorization, at a time, attested at another. */
export async function debitOf(
  authorization: Authorization,
  at: number,
  attestedAt: number,
  ledger = LEDGER,
  mandate?: Digest,
  value: Amount = authorization.value,
): Promise<Evidence["ledger"]> {
  const signed = authorizationDigest(authorization);
  const body = {
    account: authorization.from,
    seq: "2",
    kind: "debit" as const,
    counterparty: authorization.to,
    value,
    balanceAfter: "990000",
    authorizationDigest: signed,
    ...(authorization.requestDigest && { requestDigest: authorization.requestDigest }),
    ...(mandate && { mandate }),
    transaction: transactionOf(NETWORK, signed),
    at: String(at),
    prevHash: idOf(9),
  };
  const entry = { ...body, hash: digest("JournalEntry", body) };
  // The rules attest nothing before it was written; here it is said of a ledger that does.
  const checkpoint = { ...checkpointOf(ledger, entry, attestedAt), at: String(attestedAt) };
  return { entries: [entry], checkpoint: await signCheckpoint(checkpoint, LEDGER_SEED) };
}
