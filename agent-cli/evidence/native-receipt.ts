/**
 * What proves a payment on the chain itself: what was signed, checked here, and what the chain has of it, asked at its sequencer. No ledger has
 * an entry of it, so it has no file of evidence: the chain is the evidence.
 */

import { doubtful, right, skipped, wrong } from "../../shared/checklist/check.ts";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import {
  type EvidenceCheck,
  type EvidencePoint,
  type EvidenceVerdict,
  judgePoints,
  type PointCheck,
  verdictOf,
} from "../../shared/evidence/check.ts";
import { type EvidenceContext, evidenceContext } from "../../shared/evidence/context.ts";
import type { Evidence } from "../../shared/evidence/evidence.ts";
import type { KnownKeys } from "../../shared/evidence/keys.ts";
import { MERCHANT_CHECKS } from "../../shared/evidence/merchant-checks.ts";
import { PAYER_CHECKS } from "../../shared/evidence/payer-checks.ts";
import type { SignedJws } from "../../shared/extensions/offer-receipt.ts";
import type { NativeNetwork } from "../../shared/lez.ts";
import type { PaymentWords } from "../../shared/protocol/native-payment.ts";
import { checkNativeRequest } from "../../shared/protocol/native-request.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { parseTimestamp } from "../../shared/time.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { BadBlock } from "../../shared/zone/account-read.ts";
import { readNativeOffer } from "../../shared/zone/offer.ts";
import { atSequencer, openChain } from "../chain/open-chain.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

/** A payment that its owner signed for a request of this machine, and what its merchant signed. */
export interface NativeReceipt {
  network: NativeNetwork;
  request: PaymentRequest;
  payload: PaymentPayload;
  words: PaymentWords & { native: NonNullable<PaymentWords["native"]> };
  offer?: SignedJws | undefined;
  receipt?: SignedJws | undefined;
  /** The transaction that the merchant's answer names: another signature of the same message has another one. */
  stated?: string | undefined;
}

/** Where the chain has a payment. */
export interface OnTheChain {
  transaction: Digest;
  block: bigint;
  blockHash: Digest;
  final: boolean;
  head: bigint;
}

/** `silent`: the sequencer was not asked, or did not answer. `differs`: what it answered is not the chain's, or not this payment's. */
type Found = { is: "found"; at: OnTheChain } | { is: "none" } | { is: "silent" | "differs"; why: string };

interface NativeContext extends EvidenceContext {
  native: NativeReceipt;
  found: Found;
}

type NativeCheck = PointCheck<NativeContext, "offer" | "receipt">;

/** Of the ledger's payments these are other checks: there an Authorization is signed. */
const REPLACED = new Set(["payment.account", "payment.signature", "payment.terms"]);

const REQUEST_TERMS: NativeCheck = {
  id: "request.terms",
  title: "the request agrees with the offer in it, and the offer's binding with the address and body that it names",
  about: "request.payment",
  async judge({ request }) {
    const checked = await checkNativeRequest(request, parseTimestamp(request.createdAt) ?? 0);
    if (!checked.ok) return wrong(`${checked.code}: ${checked.problem}`);
    return checked.scope === "none" ? doubtful("they agree, but the merchant tied the payment to no request") : right("they agree");
  },
};

const SIGNED_CHECKS: readonly NativeCheck[] = [
  {
    id: "payment.signature",
    title: "the key of the account that pays signed the transfer, and the statement that says what it buys",
    about: "payment",
    async judge({ native: { payload, words } }) {
      const offer = readNativeOffer(payload.accepted);
      if (!offer.ok) return wrong(`${offer.code}: ${offer.problem}`);
      // The curve is loaded on first use.
      const { verifyNative } = await import("../../shared/zone/verify.ts");
      const { network, ledger, terms } = offer;
      const now = Number(words.validAfter); // whether it came in time is the facilitator's to say
      const context = { now, network, ledger, maxFee: terms.maxFee, finalities: [terms.finality] };
      const verified = verifyNative(payload, payload.accepted, context);
      return verified.ok ? right(`message hash ${words.nonce}`) : wrong(`${verified.code}${verified.detail ? `: ${verified.detail}` : ""}`);
    },
  },
  {
    id: "payment.terms",
    title: "payee, value and network of the transfer are those of the request",
    about: "payment",
    after: ["request.approved", "payment.signature"],
    judge({ request: { payment }, native: { words } }) {
      const pairs = [
        ["payTo", words.to, payment.payTo],
        ["amount", words.value, payment.amount],
        ["network", words.network, payment.network],
        ["asset", words.asset, payment.asset],
      ] as const;
      const other = pairs.find(([, signed, asked]) => signed !== asked);
      return other ? wrong(`${other[0]} is not the request's`) : right("they agree");
    },
  },
];

const CHAIN_CHECKS: readonly NativeCheck[] = [
  {
    id: "chain.transaction",
    title: "a block of the chain that was signed for has the transfer",
    about: "chain",
    after: ["payment.signature"],
    judge({ found }) {
      if (found.is === "found") return right(`transaction ${found.at.transaction} in block ${found.at.block}, ${found.at.blockHash}`);
      if (found.is === "none") return wrong("its sequencer has no block with it: it left the chain, or this node is behind");
      return found.is === "differs" ? wrong(found.why) : skipped(found.why);
    },
  },
  {
    id: "chain.final",
    title: "that block is final",
    about: "chain",
    after: ["chain.transaction"],
    judge({ found }) {
      if (found.is !== "found") return skipped("no block was read");
      const { final, block, head } = found.at;
      return final ? right(`block ${block} is final`) : doubtful(`${head - block} blocks are on top of it: it may still leave the chain`);
    },
  },
  {
    id: "chain.moved",
    title: "the transfer was made, and not only included",
    about: "chain",
    after: ["chain.transaction"],
    judge: () => skipped("v0.3 keeps no outcome of a transfer; the facilitator proves it before it answers: ask status"),
  },
];

/** Those of no other payment. */
export const NATIVE_POINTS: readonly string[] = [...SIGNED_CHECKS, ...CHAIN_CHECKS].map(({ id }) => id);

/** For the checks of the ledger's payments, which read an Authorization. This one says the same and is signed by no one: its signature is not asked for. */
export function inWordsOfEvidence({ request, words, offer, receipt }: NativeReceipt): Evidence {
  const { native: _, ...authorization } = words;
  const payment = { authorization, publicKey: "", signature: "" };
  return { version: "1", request, payment, ...(offer && { offer }), ...(receipt && { receipt }) };
}

/** Points of one payment, in the order in which they are judged. The sequencer is asked once. */
export async function judgeNativeReceipt(
  context: Context,
  native: NativeReceipt,
  keys: KnownKeys,
): Promise<{ points: EvidencePoint[]; verdict: EvidenceVerdict; chain?: OnTheChain }> {
  const { words } = native;
  const found = await findOnChain(context, native);
  const base = evidenceContext(inWordsOfEvidence(native), keys);
  const transaction = found.is === "found" ? found.at.transaction : words.native.transaction;
  const subject: NativeContext = { ...base, payer: words.from, transaction, native, found };
  const points = await judgePoints(CHECKS, subject);
  return { points, verdict: verdictOf(points, true), ...(found.is === "found" && { chain: found.at }) };
}

const isReplaced = ({ id, signer }: EvidenceCheck) => signer === "agent" || REPLACED.has(id);
const isAboutRequest = ({ id }: Pick<EvidenceCheck, "id">) => id.startsWith("request.");

const CHECKS: readonly NativeCheck[] = [
  ...PAYER_CHECKS.map((check) => (check.id === REQUEST_TERMS.id ? REQUEST_TERMS : check)).filter(isAboutRequest),
  ...SIGNED_CHECKS,
  ...PAYER_CHECKS.filter((check) => !isAboutRequest(check) && !isReplaced(check)),
  ...MERCHANT_CHECKS.filter(({ scheme }) => scheme === undefined),
  ...CHAIN_CHECKS,
] as readonly NativeCheck[];

/** The payment in a block of the pinned chain, by its own transaction or by the one that the merchant names. */
async function findOnChain(context: Context, { network, words, stated }: NativeReceipt): Promise<Found> {
  const chain = await openChain(context, network, {}, { pins: false });
  if (!chain.ok) return { is: "silent", why: chain.error.message };
  const { genesis, head, sequencer, reader } = chain.data;
  if (genesis !== words.ledger) return { is: "differs", why: `its block 1 is ${genesis}, and ${words.ledger} was signed for` };
  const named = digestSchema.safeParse(stated).data;
  const { decodeTransfer } = await import("../../shared/zone/transfer.ts");
  const read = await atSequencer(context, `sequencer of ${network}`, async (): Promise<Outcome<Found>> => {
    for (const transaction of new Set([words.native.transaction, ...(named ? [named] : [])])) {
      const included = await sequencer.transaction(transaction);
      if (!included) continue;
      const decoded = decodeTransfer(included.wire);
      if (!decoded.ok || decoded.h !== words.nonce) return succeed({ is: "differs", why: `transaction ${transaction} is another message` });
      const block = await reader.block(included.block);
      if (!block?.transactions.some(({ h }) => h === words.nonce))
        return succeed({ is: "differs", why: `block ${included.block} does not have it` });
      const { id, hash: blockHash, final } = block;
      return succeed({ is: "found", at: { transaction, block: id, blockHash, final, head: head.id > id ? head.id : id } });
    }
    return succeed({ is: "none" });
  }).catch((error: unknown): Outcome<Found> => {
    if (error instanceof BadBlock) return succeed({ is: "differs", why: error.message });
    throw error;
  });
  return read.ok ? read.data : { is: "silent", why: read.error.message };
}
