/**
 * Compares a merchant's payee and key with its pin from earlier visits. Judging reads and fetches; only `rememberMerchant`
 * writes.
 */

import * as z from "zod";
import { copiedSignatures, type OfferSignature, offerSignatures, signedByPublished } from "../../shared/extensions/offer-signatures.ts";
import { isNativeNetwork } from "../../shared/lez.ts";
import { type AccountId, isAccountId } from "../../shared/protocol/account.ts";
import type { OfferSignatureCheck } from "../../shared/screen/confirmation.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentRequired, PaymentRequirements } from "../../shared/x402/x402.ts";
import { isExpired, networkOf, type Pin, pinsOf, writePin } from "../records/merchant-pins.ts";
import type { Context } from "../runtime/context.ts";
import { wrap } from "../runtime/layout.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import { publishedKeys } from "./did-document.ts";

export const merchantSchema = z.strictObject({
  origin: z.string(),
  /** `new`: seen for the first time. `account_added`: known, and paid on this network for the first time. `renewed`: the pin had expired. */
  pinned: z.enum(["new", "known", "account_added", "key_added", "key_rotated", "renewed"]),
  /** Whether these terms carry a verified signature. */
  signed: z.boolean(),
  /** Why they do not. */
  note: z.string().optional(),
  payTo: z.string(),
  publicKey: z.string().optional(),
  firstSeenAt: z.string(),
});
export type MerchantView = z.infer<typeof merchantSchema>;

export interface Merchant {
  view: MerchantView;
  /** The pin to write, and the pin that it was judged by. */
  pin: Pin;
  before: Pin | undefined;
}

export interface ChosenOffer {
  required: PaymentRequired;
  offer: PaymentRequirements;
}

/** @param url the resource that answered with these terms */
export async function identify(context: Context, url: string, { required, offer }: ChosenOffer): Promise<Outcome<Merchant>> {
  const { origin, host } = new URL(url);
  const { payTo, network } = offer;
  const pins = pinsOf(context, origin);
  if (!pins.ok) return pins;
  const stored = pins.data.find((pin) => networkOf(pin) === network);
  const current = pins.data.filter((pin) => !isExpired(pin));
  const known = current.find((pin) => pin === stored);
  // Its key is one for all its money: the pin of another network vouches for it where this one has none.
  const vouching = known ?? current.find(({ key }) => key) ?? current[0];
  if (!isAccountId(payTo)) return fail("unsupported", "The offer names no account of this network.");
  if (known && known.payTo !== payTo) return changed(known, payTo, "payee", "asks to be paid to another account than before");
  const now = unixNow();
  const found = offerSignatures(required, offer, host, now);
  if (found.kind === "differs") {
    return fail("terms_differ", `The terms of ${origin} are not the ones that it signed: ${found.problem}.`, {
      hint: "The owner was not asked. Try again; if it stays so, do not buy there.",
    });
  }
  const signature: Signature =
    found.kind === "signed" ? await verified(context, origin, found.signatures, vouching?.key) : { kind: "none", why: found.why };
  switch (signature.kind) {
    case "none":
      if (!vouching?.key) break;
      return changed(vouching, payTo, "signature", `signed its terms before, and now ${signature.why}`);
    case "unvouched":
      if (!vouching) break;
      return changed(vouching, payTo, "key", `signs with another key than before: ${signature.why}`, signature.later);
    case "false":
      return fail("terms_differ", `The signature under the terms of ${origin} was not made with the key that it publishes.`, {
        hint: "The owner was not asked. Do not buy there before you know why.",
      });
    default:
      break;
  }
  return succeed(merchantOf({ origin, network, payTo }, signature, { stored, known, vouching }, formatTimestamp(now)));
}

/**
 * Whether the host signed this offer, by the key that it publishes now. A pin does not count: the agent's own tool writes it.
 * The 402 may come from an agent, so its resource must be the one at `url`.
 */
export async function signedByHost(context: Context, url: string, { required, offer }: ChosenOffer): Promise<OfferSignatureCheck> {
  const found = copiedSignatures(required, offer, url, unixNow());
  if (found.kind !== "signed") return { kind: "unsigned", why: found.kind === "unsigned" ? found.why : found.problem };
  const signature = await verified(context, new URL(url).origin, found.signatures, undefined);
  switch (signature.kind) {
    case "made":
      return { kind: "signed", publicKey: signature.publicKey };
    case "false":
      return { kind: "unsigned", why: "the signature was not made with the key that this host publishes" };
    default:
      return { kind: "unsigned", why: signature.why };
  }
}

type Signature =
  | { kind: "made"; kid: string; publicKey: string }
  /** No signature could be verified. */
  | { kind: "none"; why: string }
  /** Made with a key for which the pinned one does not vouch. */
  | { kind: "unvouched"; why: string; later: boolean }
  | { kind: "false" };

/** If the pinned key fits, nothing is fetched. Another key must be published beside the pinned one. */
async function verified(context: Context, origin: string, signatures: OfferSignature[], pinned: Pin["key"]): Promise<Signature> {
  for (const { jws } of signatures) if (pinned && (await jws.isSignedBy(pinned.publicKey))) return { kind: "made", ...pinned };
  const published = await publishedKeys(context, origin);
  if (!published.ok) {
    const why = `its key document cannot be used, because ${published.problem}`;
    return pinned ? { kind: "unvouched", why, later: published.later } : { kind: "none", why };
  }
  const signed = await signedByPublished(signatures, published.keys);
  if (!pinned) return signed;
  if (signed.kind !== "made") return { kind: "unvouched", why: "it fits no key that the merchant publishes", later: false };
  if (published.keys.some((key) => key.publicKey === pinned.publicKey)) return signed;
  return { kind: "unvouched", why: "the earlier key is not published beside it", later: false };
}

interface Before {
  /** On this network, expired or not. */
  stored: Pin | undefined;
  known: Pin | undefined;
  /** `known`, or the pin on another network. */
  vouching: Pin | undefined;
}

function merchantOf(
  { origin, network, payTo }: { origin: string; network: string; payTo: AccountId },
  signature: Signature,
  { stored, known, vouching }: Before,
  now: string,
): Merchant {
  const made = signature.kind === "made" ? { kid: signature.kid, publicKey: signature.publicKey } : undefined;
  const same = vouching?.key?.publicKey === made?.publicKey ? vouching?.key : undefined;
  const key = made && { ...made, since: same?.since ?? now };
  const firstSeenAt = vouching?.firstSeenAt ?? now;
  const keyIs = vouching && made && !same ? (vouching.key ? "key_rotated" : "key_added") : undefined;
  const accountIs = known ? "known" : stored ? "renewed" : vouching ? "account_added" : "new";
  const pinned = keyIs ?? accountIs;
  return {
    view: {
      origin,
      pinned,
      signed: made !== undefined,
      ...(signature.kind === "none" && { note: signature.why }),
      payTo,
      ...(made && { publicKey: made.publicKey }),
      firstSeenAt,
    },
    pin: { origin, ...(isNativeNetwork(network) && { network }), payTo, ...(key && { key }), firstSeenAt, lastSeenAt: now },
    before: stored,
  };
}

/** Writes the pin of a judged merchant, and reports on a terminal what changed. */
export async function rememberMerchant(context: Context, merchant: Merchant): Promise<Outcome<undefined>> {
  const written = await writePin(context, merchant.pin, merchant.before);
  if (written.ok) sayPinned(context, merchant);
  return written;
}

export function sayPinned(context: Context, { view }: Merchant): void {
  if (view.pinned === "known" || !context.io.stderr.isTTY) return;
  context.say(...wrap(`${view.origin}: ${merchantText(view)}`, context.layout.width));
}

/** One line for people. */
export function merchantText({ pinned, signed, note, publicKey, firstSeenAt }: MerchantView): string {
  const words: Record<MerchantView["pinned"], string> = {
    new: "seen for the first time; its account is remembered",
    known: `known since ${firstSeenAt}`,
    account_added: `known since ${firstSeenAt}; its account on this network is new, and remembered`,
    key_added: `known since ${firstSeenAt}; it signs its terms now, and its key is remembered`,
    key_rotated: `known since ${firstSeenAt}; it signs with a new key, which its own document lists beside the old one`,
    renewed: "not seen for a long time; pinned again",
  };
  return `${words[pinned]}; ${signed ? `terms signed with ${publicKey?.slice(0, 16)}…` : showUnsafe(`terms not signed: ${note}`)}`;
}

function changed(known: Pin, payTo: string, what: "payee" | "key" | "signature", how: string, later = false): Failure {
  const { origin, key, firstSeenAt } = known;
  return fail("merchant_changed", showUnsafe(`${origin} ${how}.`), {
    hint: `Do not pay. If the owner knows why, the owner can run: lez-agent-pay pins forget ${origin}`,
    retryable: later,
    details: {
      origin,
      changed: what,
      pinned: { payTo: known.payTo, ...(key && { publicKey: key.publicKey }), firstSeenAt },
      offered: { payTo },
    },
    next: { argv: ["lez-agent-pay", "pins", "list"], by: "owner", why: "see the pin of this merchant" },
  });
}
