/** Claims of a merchant on the official server: what was served is taken out of the session, and a session that is over is ended. */

import type { FacilitatorClient } from "@x402/core/server";
import type { ErrorCode } from "../../errors.ts";
import type { Amount } from "../../protocol/amount.ts";
import { type Claim, signClaim } from "../../protocol/claim.ts";
import { sessionId } from "../../protocol/session.ts";
import type { WalletSigner } from "../../protocol/signer.ts";
import { FIRST_LANE, voucherDigest } from "../../protocol/voucher.ts";
import type { ClaimPayload } from "../payload.ts";
import { settle } from "./acceptor.ts";
import type { SessionBookkeeper } from "./session-store.ts";
import * as stored from "./stored-session.ts";
import type { StoredSession } from "./stored-session.ts";

export type ClaimReport =
  /** `amount`: atomic units that this claim moved, "0" for none. `ended`: the rest is the payer's again. */
  | { ok: true; session: string; amount: string; transaction: string; ended: boolean }
  /** Tried again by the next claim; after `session_closed` there is nothing left to claim. */
  | { ok: false; session: string; code: ErrorCode };

interface ClaimOptions {
  facilitator: Pick<FacilitatorClient, "settle">;
  book: SessionBookkeeper;
  receiver: WalletSigner;
  /** Unix seconds. */
  now: number;
}

/** @returns undefined if there was nothing to claim, or no such session */
export async function claimSession(id: string, options: ClaimOptions): Promise<ClaimReport | undefined> {
  const { book, now } = options;
  const swept = await book.change(id, (before) => {
    const session = stored.sweep(before, now);
    // Written down first: by another clock it may not be over, and a voucher that is accepted after the final claim is worth nothing.
    return { after: session.closing === stored.isOver(session, now) ? session : { ...session, closing: true }, result: undefined };
  });
  if (!swept) return undefined;
  const { session } = swept;
  const { spent, best, claimed } = session;
  const owed = best && BigInt(spent) > BigInt(claimed) ? await claim(session, options, { amount: spent as Amount, best }) : undefined;
  if (owed && !owed.ok) return owed.code === "session_closed" ? forget(id, options, owed) : owed;
  if (owed) await book.change(id, (session) => ({ after: { ...session, claimed: later(session.claimed, spent) }, result: undefined }));
  // A handler that still runs may deliver.
  if (!session.closing || session.running.length > 0) return owed;
  const ended = await claim(session, options);
  if (!ended.ok && ended.code !== "session_closed") return owed ?? ended;
  return forget(id, options, { ...(owed ?? { ok: true, session: id, amount: "0", transaction: "" }), ended: true });
}

/** The ledger has closed the session: it is never opened again. */
async function forget(id: string, { book }: ClaimOptions, report: ClaimReport): Promise<ClaimReport> {
  await book.delete(id);
  return report;
}

/** @param owed absent: the final claim, which gives the rest back */
async function claim(
  { deposit, offer }: StoredSession,
  { facilitator, receiver }: ClaimOptions,
  owed?: { amount: Amount; best: NonNullable<StoredSession["best"]> },
): Promise<ClaimReport> {
  const { channelConfig } = deposit;
  const id = sessionId(channelConfig);
  const lanes = owed ? [{ lane: FIRST_LANE, amount: owed.amount, voucher: voucherDigest(owed.best.voucher) }] : [];
  const signed: Claim = { version: "1", ledger: channelConfig.ledger, session: id, lanes, final: owed ? "no" : "yes" };
  const vouchers = owed ? [owed.best] : [];
  const payload: ClaimPayload = { type: "claim", claim: signed, signature: await signClaim(signed, receiver), channelConfig, vouchers };
  const settled = await settle(facilitator, payload, offer);
  if (!settled.ok) return { ok: false, session: id, code: settled.code };
  return { ok: true, session: id, amount: settled.amount, transaction: settled.transaction, ended: false };
}

/** Claims of one sum may overtake each other. */
function later<Sum extends string>(one: Sum, other: Sum): Sum {
  return BigInt(one) > BigInt(other) ? one : other;
}
