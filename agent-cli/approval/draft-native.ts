/** The transfer that an owner is about to sign: nonce, fee and terms, from the request, the chain, and the nonce book. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { wordsOfTransfer } from "../../shared/protocol/native-payment.ts";
import { checkNativeRequest } from "../../shared/protocol/native-request.ts";
import { type PaymentRequest, shortCode } from "../../shared/protocol/payment-request.ts";
import type { NativeView } from "../../shared/screen/view.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import type { PayableOffer } from "../../shared/zone/offer.ts";
import type { PaymentDraft } from "../../shared/zone/pay.ts";
import { chooseNonce } from "../chain/choose-nonce.ts";
import { atSequencer, openChain, type OpenChain, readAccountAt, type SequencerInput } from "../chain/open-chain.ts";
import { requestRefused } from "../purchase/refusals.ts";
import { findDecision, history } from "../records/decision-history.ts";
import { type Forgettable, type GivenNonce, nonceBook } from "../records/lez-nonces.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { FEE_BLOCKS } from "../runtime/limits.ts";
import { type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";

/** The chain as it was read for one payment. */
export interface ReadChain {
  chain: OpenChain;
  account: LezAccountId;
  nonce: bigint;
  balance: bigint;
  head: { id: bigint; hash: Digest };
  tenBlocks: number | undefined;
  isForgettable: Forgettable;
}

/** Reads what a payment of this offer needs. Refuses another chain than the offer's, and one that is not the pinned one. */
export async function readChainFor(
  context: Context,
  { network, ledger }: Pick<PayableOffer, "network" | "ledger">,
  account: LezAccountId,
  input: SequencerInput,
): Promise<Outcome<ReadChain>> {
  const chain = await openChain(context, network, input);
  if (!chain.ok) return chain;
  if (chain.data.genesis !== ledger) return otherChain(network, ledger, chain.data.genesis);
  const read = await readAccountAt(context, chain.data, account);
  if (!read.ok) return read;
  const finals = await finalUses(context, chain.data, account);
  if (!finals.ok) return finals;
  const { nonce, balance, head } = read.data;
  const tenBlocks = await tenBlocksOf(chain.data);
  const isForgettable: Forgettable = ({ usedAt }) => usedAt !== undefined && finals.data.has(usedAt.hash);
  return succeed({ chain: chain.data, account, nonce, balance, head, tenBlocks, isForgettable });
}

function otherChain(network: string, ledger: Digest, genesis: Digest): Failure {
  return refuse(
    "ledger_mismatch",
    EXIT.differs,
    `The offer is for another chain than your ${network}: its block 1 is ${ledger}, and yours ${genesis}.`,
    {
      hint: "Nothing was signed. Check which network the seller means, and the address of your sequencer.",
    },
  );
}

/** The blocks, among those in which a use of the account's nonces was seen, that are final now. */
async function finalUses(context: Context, { reader, network, genesis }: OpenChain, account: LezAccountId): Promise<Outcome<Set<Digest>>> {
  const book = nonceBook(context);
  if (!book.ok) return book;
  const uses = book.data.given.flatMap((given) =>
    given.account === account && given.genesis === genesis && given.usedAt ? [given.usedAt] : [],
  );
  return atSequencer(context, `sequencer of ${network}`, async () => {
    const finals = new Set<Digest>();
    for (const id of new Set(uses.map(({ id }) => id))) {
      const block = await reader.block(BigInt(id));
      if (block?.final) finals.add(block.hash);
    }
    return succeed(finals);
  });
}

/** How long ten blocks took, in seconds. Only a warning needs it. */
async function tenBlocksOf({ reader, head }: OpenChain): Promise<number | undefined> {
  if (head.id <= 10n) return undefined;
  const block = await reader.block(head.id - 10n).catch(() => undefined);
  return block && Math.max(1, head.at - Number(block.timestamp / 1000n));
}

export interface NativeMade {
  draft: PaymentDraft;
  reused: GivenNonce | undefined;
}

/** The draft, or why there is none. Pure but for the records on disk: the moment of signing calls it again, under the lock. */
export async function draftFor(
  context: Context,
  request: PaymentRequest,
  read: Pick<ReadChain, "chain" | "account" | "nonce">,
  { now, expiresIn }: { now: number; expiresIn?: number | undefined },
): Promise<Outcome<NativeMade>> {
  const checked = await checkNativeRequest(request, now);
  if (!checked.ok) return requestRefused(checked);
  const { offer, digest, native } = checked;
  return draftOffer(context, { offer, digest, maxFee: native.terms.maxFee, requestDigest: digest }, read, { now, expiresIn });
}

/** What is paid, and the digest by which the nonce book knows it. */
export interface WantedPayment {
  offer: PaymentRequirements;
  digest: Digest;
  /** The most that the offer lets the chain charge, in lepta. */
  maxFee: bigint;
  /** Of the agent's request, if there is one. */
  requestDigest?: Digest | undefined;
}

/** The same of an offer, whether or not an agent asked for it. */
export async function draftOffer(
  context: Context,
  { offer, digest, maxFee: offered, requestDigest }: WantedPayment,
  { chain, account, nonce }: Pick<ReadChain, "chain" | "account" | "nonce">,
  { now, expiresIn }: { now: number; expiresIn?: number | undefined },
): Promise<Outcome<NativeMade>> {
  const book = nonceBook(context);
  if (!book.ok) return book;
  const question = { genesis: chain.genesis, account, next: nonce, requestDigest: digest, now };
  const chosen = chooseNonce(book.data, { ...question, isRefused: (digest) => wasRefused(context, digest) !== undefined });
  if (chosen.kind === "foreign") return foreignKey(account, chosen.genesis, chain.genesis);
  if (chosen.kind === "busy") return busy(chosen.by);
  const [{ draftPayment }, { maxFeeFor }] = await Promise.all([import("../../shared/zone/pay.ts"), import("../../shared/zone/fees.ts")]);
  const { ceiling } = chain.fees;
  const [least, wanted] = [maxFeeFor(ceiling, 0), maxFeeFor(ceiling, FEE_BLOCKS)];
  // Less than is wanted waits for fewer full blocks; less than the next block's price is never taken.
  const maxFee = wanted <= offered ? wanted : offered >= least ? offered : least;
  const terms = { offer, requestDigest, from: account, nonce: chosen.nonce, now, expiresIn };
  // Two requests of one price, payee and nonce would be one transfer, which a facilitator takes for the first of them alone: a lepton of
  // the fee tells them apart.
  const isAnothers = (h: Digest) => book.data.given.some((given) => given.messageHash === h && given.requestDigest !== digest);
  const step = maxFee + BigInt(book.data.given.length) <= offered ? 1n : -1n;
  let drafted = draftPayment({ ...terms, maxFee });
  for (let more = step; drafted.ok && isAnothers(drafted.draft.h); more += step)
    drafted = draftPayment({ ...terms, maxFee: maxFee + more });
  if (drafted.ok) return succeed({ draft: drafted.draft, reused: chosen.reused });
  return refuse(drafted.code, EXIT.unsupported, `This request cannot be paid now: ${drafted.problem}.`, {
    hint: drafted.code === "fee_rejected" ? "Nothing was signed. Wait until the chain is cheaper." : "Nothing was signed.",
  });
}

function wasRefused(context: Context, digest: Digest): "declined" | "revoked" | undefined {
  for (const decision of ["revoked", "declined"] as const) {
    const found = findDecision(context, digest, decision);
    if (found.ok && found.data) return decision;
  }
  return undefined;
}

function foreignKey(account: LezAccountId, known: Digest, genesis: Digest): Failure {
  return refuse(
    "ledger_mismatch",
    EXIT.differs,
    `The key of ${account} has signed on another chain, whose block 1 is ${known}; this one's is ${genesis}.`,
    {
      hint: "Nothing was signed. What it signed there would be good here, too: make a new key with lez-agent-pay owner create --kind lez --out FILE, and move the money.",
    },
  );
}

function busy({ requestDigest, nonce, validBefore, burn }: GivenNonce): Failure {
  if (burn) {
    return refuse("payer_busy", EXIT.busy, `Nonce ${nonce} of your account is being used up by a transfer of revoke --burn.`, {
      hint: "Nothing was signed. Wait until the chain has it.",
      retryable: true,
    });
  }
  const code = shortCode(requestDigest);
  const until = formatTimestamp(Number(validBefore));
  return refuse(
    "payer_busy",
    EXIT.busy,
    `Nonce ${nonce} of your account is given to request ${code}, which may still be paid until ${until}.`,
    {
      hint: `Nothing was signed. The chain takes an account's payments one by one: wait for it, or take it back: lez-agent-pay revoke ${code}`,
      details: { requestDigest, nonce, validBefore },
      retryable: true,
    },
  );
}

/** What the screen shows of it. */
export function nativeViewOf(
  context: Context,
  { draft, reused }: NativeMade,
  { chain, balance, head, tenBlocks }: ReadChain,
  charge: bigint,
): NativeView {
  const { to } = draft.transfer;
  const { ledger } = draft.statement;
  return {
    draft,
    read: { balance, head: { id: head.id, at: chain.head.at }, tenBlocks },
    charge,
    reused: reused && { shortCode: shortCode(reused.requestDigest), ...whyReused(context, reused) },
    now: unixNow(),
    payeeOnMock: history(context).some(
      (entry) => entry.decision === "approved" && entry.payTo === (to as string) && entry.ledger !== ledger,
    ),
  };
}

function whyReused(
  context: Context,
  { requestDigest, validBefore }: GivenNonce,
): { why: "you declined" | "you revoked" | "expired"; at?: string } {
  const refused = wasRefused(context, requestDigest);
  if (refused === undefined) return { why: "expired", at: formatTimestamp(Number(validBefore)) };
  const decision = findDecision(context, requestDigest, refused);
  const at = decision.ok ? decision.data?.at : undefined;
  return { why: refused === "declined" ? "you declined" : "you revoked", ...(at !== undefined && { at }) };
}

/** The same as `authorization` of a reading. */
export const wordsOf = ({ transfer, statement }: PaymentDraft) => wordsOfTransfer(transfer, statement);
