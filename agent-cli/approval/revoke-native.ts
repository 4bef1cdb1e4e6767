/**
 * `revoke` of a payment on the chain itself. Its facilitator is asked to send it no more; that ends it only while nothing has left. What may
 * be out is ended by another use of its nonce alone: `--burn` makes one, which pays nothing.
 */

import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import type { Decision } from "../../shared/protocol/decision.ts";
import { wordsOfNative } from "../../shared/protocol/native-payment.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { sameCode } from "../../shared/screen/answer.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import type { NativeStatement } from "../../shared/zone/statement.ts";
import type { TransferTerms } from "../../shared/zone/transfer.ts";
import { atSequencer, type SequencerInput } from "../chain/open-chain.ts";
import { callFacilitator, type FacilitatorInput } from "../facilitator/client.ts";
import { findLezOwner, type FoundLezKey, openLezOwner } from "../keys/lez-owner.ts";
import type { PassphraseInput } from "../prompts/passphrase.ts";
import { askTyped, interrupted } from "../prompts/prompts.ts";
import type { Subject } from "../purchase/request-subject.ts";
import type { RecordEntry } from "../records/decision-history.ts";
import { giveNonce } from "../records/lez-nonces.ts";
import { findPayment } from "../records/payment-journal.ts";
import { type Context, warn } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { BURN_WAIT_SECONDS, FEE_BLOCKS } from "../runtime/limits.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { decide, fileDecision } from "./decline.ts";
import { type ReadChain, readChainFor } from "./draft-native.ts";
import { factsScreen } from "./facts-screen.ts";

export interface NativeRevocationInput extends PassphraseInput, FacilitatorInput, SequencerInput {
  ownerFile?: string | undefined;
  code?: Decision["code"] | undefined;
  note?: string | undefined;
  /** Use the nonce up, too. */
  burn: boolean;
  /** The digest of the request, in place of the question before a burn. */
  confirm?: string | undefined;
  dryRun: boolean;
}

export interface RevokedNative {
  dryRun?: true;
  already?: true;
  payer: string;
  nonce: string;
  /** The facilitator sends it no more. */
  cancelled?: true;
  /** The transaction that uses its nonce up, as it was sent. */
  burn?: string;
}

/** What was approved, as it was signed. */
interface Approved {
  payload: PaymentPayload;
  statement: NativeStatement;
  nonce: bigint;
}

export async function revokeNative(
  context: Context,
  input: NativeRevocationInput,
  subject: Subject,
  approval: RecordEntry,
): Promise<Outcome<RevokedNative>> {
  const owner = findLezOwner(context, input.ownerFile);
  if (!owner.ok) return owner;
  const { account } = owner.data.key;
  if (approval.from !== undefined && approval.from !== (account as string))
    return fail("usage", `The approval is of account ${approval.from}; "${owner.data.file}" is the key of ${account}.`);
  const approved = approvedOf(context, subject);
  if (!approved.ok) return approved;
  const { nonce } = approved.data;
  const data = { payer: account as string, nonce: nonce.toString() };
  if (input.dryRun) return succeed({ dryRun: true as const, ...data });
  const chain = input.burn ? await chainToBurnOn(context, input, owner.data, approved.data) : undefined;
  if (chain && !chain.ok) return chain;
  const burning = chain && (await confirmBurn(context, input, subject, approved.data, chain.data));
  if (burning && !burning.ok) return burning;
  const no = await decide(context, subject, "revoked", input);
  if (!no.ok) return no;
  const secret = await openLezOwner(context, owner.data, input);
  if (!secret.ok) return secret;
  try {
    const cancelled = await cancelAtFacilitator(context, input, approved.data, secret.data);
    if (!cancelled.ok && !burning) return maybeOut(subject, cancelled);
    if (!cancelled.ok) warn(context, `The facilitator does not promise to send it no more: ${cancelled.error.message}`);
    // On disk before the transfer that uses the nonce leaves: a process that dies in between has revoked, and can be run again.
    const burn = burning && (await makeBurn(burning.data, secret.data));
    const facts = { from: data.payer, nonce: data.nonce, ...(burn && { burn: burn.transaction }) };
    const kept = await fileDecision(context, subject, no.data, facts);
    if (!kept.ok) warn(context, `It was not recorded here: ${kept.error.message}`);
    const sent = burn && chain && (await sendBurn(context, chain.data, burn));
    if (sent && !sent.ok) return sent;
    return succeed({
      ...data,
      ...(kept.ok && kept.data.already && { already: true as const }),
      ...(cancelled.ok && { cancelled: true as const }),
      ...(burn && { burn: burn.transaction }),
    });
  } finally {
    secret.data.wipe();
  }
}

function approvedOf(context: Context, { digest, item }: Subject): Outcome<Approved> {
  const presented = findPayment(context, digest);
  if (!presented.ok) return presented;
  if (presented.data?.state === "settled") return tooLate(digest, presented.data.transaction);
  const payload = presented.data?.payload ?? item?.payment;
  const words = payload && wordsOfNative(payload);
  const { statement } = (payload?.payload ?? {}) as { statement?: NativeStatement };
  if (payload && words?.native && statement) return succeed({ payload, statement, nonce: BigInt(words.native.nonce) });
  return fail("request_not_found", "The signed payment of this request is not on this machine.", {
    hint: "Revoke it where it was approved: the facilitator needs to see which transfer is meant.",
  });
}

function tooLate(digest: Digest, transaction?: string): Failure {
  return refuse("nonce_replayed", EXIT.paymentRejected, "It is too late: the payment has settled.", {
    hint: `lez-agent-pay status ${shortCode(digest)} shows the transaction.`,
    ...(transaction !== undefined && { details: { transaction } }),
  });
}

async function cancelAtFacilitator(
  context: Context,
  input: FacilitatorInput,
  { payload, statement }: Approved,
  secret: Secret,
): Promise<Outcome<undefined>> {
  const { signNativeRevocation } = await import("../../shared/zone/revocation.ts");
  const { network, ledger, messageHash } = statement;
  const signed = signNativeRevocation({ network, ledger, messageHash, revokedAt: String(unixNow()) }, secret.reveal());
  const body = { paymentPayload: payload, paymentRequirements: payload.accepted, ...signed };
  const posted = await callFacilitator(context, input, {
    path: "/native/cancel",
    body,
    answer: z.looseObject({ success: z.literal(true) }),
  });
  return posted.ok ? succeed(undefined) : posted;
}

/** Nothing was decided: the payment may still be made, and the owner must know that. */
function maybeOut({ digest }: Subject, { error, exit }: Failure): Failure {
  const code = shortCode(digest);
  if (error.code === "nonce_replayed") return tooLate(digest);
  const why = error.code === "settlement_pending" ? "The signed transfer has left: it can no longer be called back." : error.message;
  return refuse(error.code, error.code === "settlement_pending" ? EXIT.outcomeUnknown : exit, `${why} Nothing was revoked.`, {
    hint: `Only another use of its nonce is final: lez-agent-pay revoke ${code} --burn sends a transfer of nothing with the same nonce, for one fee. Whichever the chain takes first counts.`,
    next: { argv: ["lez-agent-pay", "revoke", code, "--burn"], by: "owner", why: "use the nonce of the payment up" },
  });
}

async function chainToBurnOn(
  context: Context,
  input: SequencerInput,
  owner: FoundLezKey,
  { statement, nonce }: Approved,
): Promise<Outcome<ReadChain>> {
  const network = statement.network as Parameters<typeof readChainFor>[1]["network"];
  const read = await readChainFor(context, { network, ledger: statement.ledger }, owner.key.account, input);
  if (!read.ok || read.data.nonce === nonce) return read;
  if (read.data.nonce > nonce) {
    return refuse(
      "nonce_replayed",
      EXIT.paymentRejected,
      `Nonce ${nonce} is used: the payment was made, or another transfer took its place.`,
      {
        hint: "lez-agent-pay status says which. There is nothing left to burn.",
      },
    );
  }
  return refuse("nonce_ahead", EXIT.busy, `The account's next nonce is ${read.data.nonce}: an earlier transfer is not on the chain yet.`, {
    hint: "Nothing was sent. Try again when it is.",
    retryable: true,
  });
}

/** Shows the transfer of nothing, and has it typed in full. */
async function confirmBurn(
  context: Context,
  input: NativeRevocationInput,
  { digest }: Subject,
  { nonce, payload }: Approved,
  { chain, account, balance }: ReadChain,
): Promise<Outcome<TransferTerms>> {
  const { maxFeeFor } = await import("../../shared/zone/fees.ts");
  const maxFee = maxFeeFor(chain.fees.ceiling, FEE_BLOCKS);
  const code = shortCode(digest);
  const words = wordsOfNative(payload);
  if (!words) throw new TypeError("an approved transfer without words");
  const to = words.to as string as TransferTerms["to"];
  if (balance < maxFee)
    return refuse(
      "insufficient_funds",
      EXIT.paymentRejected,
      `The account holds ${displayAmount(balance)}, which does not cover the fee of ${displayAmount(maxFee)}.`,
    );
  const terms = { from: account, to, value: 0n, nonce, fee: { payer: account, gasLimit: 0n, tip: 0n, maxFee } };
  const screen = {
    shortCode: code,
    facts: [
      { label: "Pay", value: "nothing: 0 lepta", strong: true as const },
      { label: "Fee", value: `at most ${displayAmount(maxFee)} = ${maxFee} lepta` },
      { label: "Account", value: to },
      { label: "From", value: `${account}, nonce ${nonce}` },
      { label: "Chain", value: `${chain.network} (TEST), read at block ${chain.head.id}` },
    ],
    warnings: ["The chain takes whichever of the two arrives first. If that is the payment, it is made, and this one is dropped."],
    says: ["It uses up the nonce of the payment, so that the payment can never be made afterwards."],
  };
  context.say(...factsScreen("BURN A NONCE", screen, context.layout));
  if (input.confirm !== undefined) {
    if (input.confirm === digest) return succeed(terms);
    return fail("request_differs", `--confirm names another request: this one is ${digest}.`);
  }
  if (!context.interactive) {
    return fail("interaction_required", "A burn is typed in full, and there is no terminal to ask on.", {
      hint: `The owner runs this in a terminal, or adds --confirm ${digest}.`,
    });
  }
  const typed = await askTyped(context, `Type the short code ${code} to sign and send it, or nothing to leave it`, {
    isRight: (text) => sameCode(text, code),
    wrong: "That is not the short code of this request.",
  });
  if (typed === undefined) return interrupted("Nothing was sent.");
  return typed ? succeed(terms) : fail("not_approved", "Nothing was revoked, and nothing was sent.");
}

interface Burn {
  terms: TransferTerms;
  wire: Uint8Array;
  transaction: Digest;
  h: Digest;
}

async function makeBurn(terms: TransferTerms, secret: Secret): Promise<Burn> {
  const [{ signTransfer }, { decodeTransfer }] = await Promise.all([
    import("../../shared/zone/pay.ts"),
    import("../../shared/zone/transfer.ts"),
  ]);
  const wire = signTransfer(terms, secret.reveal());
  const decoded = decodeTransfer(wire);
  if (!decoded.ok) throw new TypeError(decoded.problem);
  return { terms, wire, transaction: decoded.id, h: decoded.h };
}

async function sendBurn(
  context: Context,
  { chain, head, isForgettable }: ReadChain,
  { terms, wire, transaction, h }: Burn,
): Promise<Outcome<undefined>> {
  const given = {
    genesis: chain.genesis,
    account: terms.from,
    nonce: terms.nonce.toString(),
    requestDigest: h,
    messageHash: h,
    at: formatTimestamp(unixNow()),
    validBefore: String(unixNow() + BURN_WAIT_SECONDS),
    burn: true as const,
  };
  const noted = await exclusively(context, () => giveNonce(context, given, head, isForgettable));
  if (!noted.ok) return noted;
  return atSequencer(context, `sequencer of ${chain.network}`, async () => {
    const sent = await chain.sequencer.sendTransaction(wire);
    if (sent.ok && sent.id === transaction) return succeed(undefined);
    const why = sent.ok ? `it names another transaction, ${sent.id}` : sent.error.message;
    return fail("outcome_unknown", `The sequencer did not take the transfer that uses the nonce up: ${why}.`, {
      hint: "The payment may still be made. Run the same command again.",
      retryable: true,
      details: { transaction },
    });
  });
}
