/**
 * A session as evidence shows it: opened by the owner's signature or within a mandate, called, and claimed by the merchant. Keys and clocks
 * are the caller's, so that the examples and the tests tell the same story.
 */

import { memoryStore } from "../agent-cli/demo/memory-store.ts";
import { verifyClaim } from "../shared/batch-settlement/claim.ts";
import { verifyDeposit } from "../shared/batch-settlement/deposit.ts";
import { type Digest, digest } from "../shared/crypto/digest.ts";
import type { CallEvidence } from "../shared/evidence/call-evidence.ts";
import { LedgerRules } from "../shared/ledger/rules.ts";
import { X402_VERSION } from "../shared/lez.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { bindingOf } from "../shared/protocol/binding.ts";
import { type Claim, type SignedClaim, signClaim } from "../shared/protocol/claim.ts";
import type { SignedMandate } from "../shared/protocol/mandate.ts";
import { checkSessionRequest, type PaymentRequest } from "../shared/protocol/payment-request.ts";
import { sessionFor, sessionWithin } from "../shared/protocol/session-approval.ts";
import { sessionId, type SignedSession, signSession } from "../shared/protocol/session.ts";
import type { WalletSigner } from "../shared/protocol/signer.ts";
import { type SignedVoucher, signVoucher, voucherDigest } from "../shared/protocol/voucher.ts";
import type { PaymentRequirements } from "../shared/x402/x402.ts";
import { signCheckpoint } from "../workers/ledger-do/sign-checkpoint.ts";

export interface Story {
  ledger: Digest;
  /** It asks for a session. */
  request: PaymentRequest;
  owner: WalletSigner;
  agent: WalletSigner;
  receiver: WalletSigner;
  /** The agent opens the session within it; else the owner approves. */
  mandate?: SignedMandate | undefined;
  /** Unix seconds at which the session is signed. */
  now: number;
  /** Hex: signs checkpoints. */
  checkpointKey: string;
}

type Call = CallEvidence["call"];

export class CalledSession {
  readonly session: SignedSession;
  readonly id: Digest;
  readonly #story: Story;
  readonly #rules: LedgerRules;
  #sum = 0n;
  #serial = 0;

  static async open(story: Story): Promise<CalledSession> {
    const { ledger, request, owner, agent, mandate, now } = story;
    const checked = await checkSessionRequest(request, now);
    if (!checked.ok) throw new Error(checked.problem);
    const channelConfig = mandate
      ? sessionWithin(mandate.mandate, request, checked, now)
      : sessionFor(request, checked, owner.account, now);
    const proof = await signSession(channelConfig, mandate ? agent : owner);
    const called = new CalledSession(story, { channelConfig, ...(mandate && { mandate }), ...proof });
    const first = await called.#sign(request.payment.amount, checked.offer.extra?.["binding"] as Digest | undefined, 1n);
    const payload = { type: "deposit", ...called.session, ...first };
    const envelope = { x402Version: X402_VERSION, accepted: checked.offer, payload };
    const verified = await verifyDeposit(envelope, checked.offer, { now, ledger });
    const opened = verified.ok && called.#rules.openSession(verified.session, now + 1);
    if (!opened || !opened.ok) throw new Error(verified.ok ? "the ledger refuses the session" : verified.code);
    return called;
  }

  private constructor(story: Story, session: SignedSession) {
    this.#story = story;
    this.session = session;
    this.id = sessionId(session.channelConfig);
    this.#rules = new LedgerRules(memoryStore(), { ledger: story.ledger, supply: 10n ** 18n, at: story.now - 3600 });
    this.#rules.fund(story.owner.account, "2000000" as Amount, digest("Nonce", { story: this.id }), story.now - 3600);
  }

  #sign(amount: Amount, binding: Digest | undefined, serial: bigint): Promise<SignedVoucher> {
    const sum = (this.#sum + BigInt(amount)).toString() as Amount;
    const voucher = { session: this.id, lane: "0", serial: String(serial), maxClaimableAmount: sum, ...(binding && { binding }) };
    return signVoucher(voucher, this.#story.agent);
  }

  /** A call of this address for this price. @param charged less than the price, if it is; atomic units */
  async call(bound: Omit<Call, "amount">, offer: PaymentRequirements, charged = offer.amount): Promise<CallEvidence> {
    const { request } = this.#story;
    const voucher = await this.#sign(offer.amount as Amount, bindingOf(bound, offer), BigInt(++this.#serial));
    this.#sum += BigInt(charged);
    return { version: "2", request, session: this.session, call: { ...bound, amount: offer.amount as Amount }, voucher };
  }

  /**
   * The same calls once the merchant has claimed all that was charged. The checkpoint is signed a minute later.
   * @param calls in order; the claim names the last one's voucher
   */
  async claimed(calls: readonly CallEvidence[], at: number): Promise<CallEvidence[]> {
    const last = calls.at(-1)?.voucher;
    if (!last) throw new Error("there is nothing to claim");
    const { ledger, receiver, checkpointKey } = this.#story;
    const lanes = [{ lane: "0", amount: this.#sum.toString() as Amount, voucher: voucherDigest(last.voucher) }];
    const claim: Claim = { version: "1", ledger, session: this.id, lanes, final: "no" };
    const signed: SignedClaim = { claim, signature: await signClaim(claim, receiver) };
    const payload = { type: "claim", ...signed, channelConfig: this.session.channelConfig, vouchers: [last] };
    const verified = await verifyClaim(payload, ledger);
    const paid = verified.ok && this.#rules.claimSession(verified.claim, at);
    if (!paid || !paid.ok) throw new Error(verified.ok ? "the ledger refuses the claim" : verified.code);
    const { from } = this.session.channelConfig;
    const checkpoint = this.#rules.attest(from, undefined, at + 60);
    if (!checkpoint || "code" in checkpoint) throw new Error("the ledger signs no checkpoint");
    const entries = this.#rules.journal(from, Number(checkpoint.seq) - 1, 1) as NonNullable<CallEvidence["ledger"]>["entries"];
    const book = { entries, checkpoint: await signCheckpoint(checkpoint, checkpointKey) };
    return calls.map((call) => ({
      ...call,
      claim: { ...signed, ...(call.voucher !== last && { voucher: last }) },
      ledger: book,
    }));
  }
}
