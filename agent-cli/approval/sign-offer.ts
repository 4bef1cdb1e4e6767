/**
 * A merchant's offer that the owner pays by hand: no agent asked for it, and no host is asked. The owner reads what will be signed, types the
 * amount, and gets the signed transfer in a file. Nothing is sent. The nonce is written down first, as for every other payment.
 */

import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, canonicalJson, type Digest } from "../../shared/crypto/digest.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import type { Fact } from "../../shared/screen/facts.ts";
import { NATIVE_TITLE, nativeChainFacts, nativePriceFacts, nativeWarnings } from "../../shared/screen/native-facts.ts";
import type { NativeView } from "../../shared/screen/view.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import { readNativeOffer } from "../../shared/zone/offer.ts";
import type { SignedNativePayment } from "../../shared/zone/pay.ts";
import type { SequencerInput } from "../chain/open-chain.ts";
import type { FoundLezKey } from "../keys/lez-owner.ts";
import { askTyped, interrupted } from "../prompts/prompts.ts";
import { appendEntry } from "../records/audit-log.ts";
import { giveNonce } from "../records/lez-nonces.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { writeJson } from "../runtime/files.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { isTransferThatWasShown } from "./approve-native.ts";
import { draftOffer, nativeViewOf, type ReadChain, readChainFor, type WantedPayment } from "./draft-native.ts";
import { factsScreen } from "./facts-screen.ts";

export interface OfferInput extends SequencerInput {
  out: string;
  force: boolean;
  dryRun: boolean;
  expiresIn?: number | undefined;
  /** The digest of the offer that was read, in place of the question. */
  confirm?: string | undefined;
}

/** An entry of `accepts`, and the URL that the merchant gave with it. */
export interface HandOffer {
  offer: PaymentRequirements;
  url: string | undefined;
}

export interface SignedOffer {
  /** Of the offer: what --confirm takes. */
  digest: Digest;
  view: NativeView;
  /** Absent after a dry run. */
  signed?: SignedNativePayment;
}

/** @param open opens the owner's key; asked only after the yes */
export async function signOffer(
  context: Context,
  input: OfferInput,
  { offer, url }: HandOffer,
  owner: FoundLezKey,
  open: () => Promise<Outcome<Secret>>,
): Promise<Outcome<SignedOffer>> {
  const read = readNativeOffer(offer);
  if (!read.ok) return refuse(read.code, EXIT.unsupported, `This offer cannot be paid: ${read.problem}.`, { hint: "Nothing was signed." });
  const wanted = { offer, digest: bodyDigest(utf8(canonicalJson(offer))), maxFee: read.terms.maxFee };
  const chain = await readChainFor(context, read, owner.key.account, input);
  if (!chain.ok) return chain;
  const made = await draftOffer(context, wanted, chain.data, { now: unixNow(), expiresIn: input.expiresIn });
  if (!made.ok) return made;
  const { maxFeeFor } = await import("../../shared/zone/fees.ts");
  const view = nativeViewOf(context, made.data, chain.data, maxFeeFor(chain.data.chain.fees.base, 0));
  context.say(...screenOf(context, wanted.digest, view, url));
  if (input.dryRun) return succeed({ digest: wanted.digest, view });
  const confirmed = await confirmOffer(context, wanted.digest, view, input.confirm);
  if (!confirmed.ok) return confirmed;
  const secret = await open();
  if (!secret.ok) return secret;
  try {
    const signed = await exclusively(context, () => signShown(context, input, { wanted, url, view, read: chain.data }, secret.data));
    return signed.ok ? succeed({ digest: wanted.digest, view, signed: signed.data }) : signed;
  } finally {
    secret.data.wipe();
  }
}

function screenOf({ layout }: Context, digest: Digest, view: NativeView, url: string | undefined): string[] {
  const facts: Fact[] = [
    ...nativePriceFacts(view),
    { label: "Account", value: view.draft.transfer.to, strong: true },
    { label: "For", value: url === undefined ? "the file does not say" : `${showUnsafe(url)}, as the file says` },
    ...nativeChainFacts(view),
  ];
  const warnings = nativeWarnings(view).flatMap(([applies, text]) => (applies ? [text] : []));
  const says = ["No agent asked for this, and the merchant was not asked: the file alone says who is paid and for what."];
  return factsScreen(NATIVE_TITLE, { shortCode: shortCode(digest), facts, warnings, says }, layout);
}

async function confirmOffer(
  context: Context,
  digest: Digest,
  { draft: { transfer } }: NativeView,
  confirmed: string | undefined,
): Promise<Outcome<undefined>> {
  if (confirmed !== undefined) {
    if (confirmed === digest) return succeed(undefined);
    return fail("request_differs", `--confirm names another offer: this one is ${digest}.`, { hint: "Read it again." });
  }
  if (!context.interactive) {
    return fail("interaction_required", "An offer waits for the owner, and there is no terminal to ask on.", {
      exit: EXIT.approvalPending,
      hint: `Run this in a terminal. Or read it with --dry-run, and repeat it with --confirm ${digest}`,
      details: { digest, amount: transfer.value.toString(), payTo: transfer.to },
    });
  }
  const isRight = await askTyped(context, "Type the amount in lepta, in full, to sign it, or nothing to leave it", {
    isRight: (text) => text.trim() === transfer.value.toString(),
    wrong: "That is not the amount in lepta.",
  });
  if (isRight === undefined) return interrupted("Nothing was signed.");
  return isRight ? succeed(undefined) : fail("not_approved", "Nothing was signed.");
}

interface Shown {
  wanted: WantedPayment;
  url: string | undefined;
  view: NativeView;
  read: ReadChain;
}

/** Under the lock: no network call and no question. */
async function signShown(
  context: Context,
  input: OfferInput,
  { wanted, url, view, read }: Shown,
  secret: Secret,
): Promise<Outcome<SignedNativePayment>> {
  const made = await draftOffer(context, wanted, read, { now: unixNow(), expiresIn: input.expiresIn });
  if (!made.ok) return made;
  const { draft, reused } = made.data;
  if (draft.h !== view.draft.h || (reused && shortCode(reused.requestDigest) !== view.reused?.shortCode)) {
    return fail("decided_meanwhile", "The nonce of this payment was given to another one while it was being read. Nothing was signed.", {
      hint: "Read the offer again.",
    });
  }
  const { signDraft } = await import("../../shared/zone/pay.ts");
  const signed = signDraft(draft, secret.reveal(), { url });
  if (!(await isTransferThatWasShown(signed, view.draft)))
    return fail("request_differs", "What was signed is not what was shown. Nothing was written.", { hint: "Do not sign this offer." });
  if (context.io.signal.aborted) return interrupted("Nothing was written.");
  const { transfer, statement, h, network } = draft;
  const at = formatTimestamp(unixNow());
  const nonce = transfer.nonce.toString();
  const { ledger: genesis, validBefore } = statement;
  const given = { genesis, account: transfer.from, nonce, requestDigest: wanted.digest, messageHash: h, at, validBefore };
  const noted = giveNonce(context, given, read.head, read.isForgettable);
  if (!noted.ok) return noted;
  const logged = appendEntry(context, "signed_by_hand", {
    network,
    genesis,
    messageHash: h,
    transaction: signed.transaction,
    from: transfer.from,
    to: transfer.to,
    amount: transfer.value.toString(),
    maxFee: transfer.fee.maxFee.toString(),
    nonce,
  });
  if (!logged.ok) return logged;
  const written = writeJson(input.out, signed.payload, input.force);
  return written.ok ? succeed(signed) : written;
}
