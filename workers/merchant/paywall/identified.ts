/** A payment with an identifier: its answer is kept, and the same payment under the same id brings it again. */
import type { Context } from "hono";
import type { Reservation } from "../../../shared/settlement/backend.ts";
import { utf8 } from "../../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest, randomDigest } from "../../../shared/crypto/digest.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../shared/x402/headers.ts";
import { HOLD_SECONDS } from "../../../shared/limits.ts";
import type { SettleResponse } from "../../../shared/x402/x402.ts";
import type { AnswerStore, StoredAnswer } from "./answer-store.ts";
import { capture } from "./capture.ts";
import { ask } from "./facilitator.ts";
import { keepAnswer } from "./keep-answer.ts";
import type { PaywallEnv } from "./options.ts";
import { orderKey, verifyOrder } from "./order.ts";
import { refuse, refuseFor, refuseUnpaid } from "./outcome.ts";
import { signReceipt } from "./signed-terms.ts";
import { pendingReceipt, remember, type Sale, type SaleResult, type Unanswered } from "./sale.ts";

/** A claim on an id that was granted: what the flows tell it as they go. */
export interface Keeping {
  /** The same for every run of this payment under this id, so that holding and settling again are one and the same. */
  reservationId: Digest;
  /**
   * The handler delivered: keeps a copy of its answer. False: the claim was lost, and the answer with it. undefined: nobody
   * knows whether there is a copy.
   * @throws when the answer breaks off before it is read
   */
  keep(): Promise<boolean | undefined>;
  /** Whether there is a copy: then the claim stays, whatever became of the money. */
  kept(): boolean;
  paid(receipt: SettleResponse): Promise<unknown>;
  /** Nothing was delivered. */
  free(): Promise<unknown>;
}

/** Takes the id for this payment, or answers from what is stored under it. */
export async function claimIdentifier(sale: Sale, store: AnswerStore, id: string): Promise<Keeping | SaleResult> {
  const { order, c } = sale;
  // Only who can pay gets a place in the store, so the signature is checked before the ledger is asked.
  const verified = await verifyOrder(order);
  if (!verified.ok) return refuseFor(sale, verified);
  const { payer, nonce } = verified.payment;

  const key = answerKey(c, id);
  const lease = randomDigest();
  const claim = await ask(store.claim(key, orderKey(order), lease, HOLD_SECONDS));
  if (!claim) return refuse({ code: "facilitator_unavailable" });
  switch (claim.state) {
    case "granted":
      return keeping(sale, store, key, lease, { payer, nonce, reservationId: claim.reservationId });
    case "busy":
      return refuse({ code: "payment_in_progress" });
    case "conflict":
      return refuse({ code: "payment_identifier_conflict" });
    case "full":
      return refuse({ code: "overloaded" });
    case "paid":
      return answerAgain(claim.receipt, claim.answer);
    default: {
      // The run before this one died, or got no answer, between handler and capture: only the capture is missing.
      const receipt = await capture(sale, claim.reservation);
      if (!receipt) return refuseUnpaid(sale, pendingReceipt(sale));
      if (receipt.success) {
        const signed = await signReceipt(sale.challenge, receipt, sale.signer);
        await ask(store.paid(key, signed));
        // The run that made it did not come to say so; without a ledger's hold nothing else keeps the payment from being served again.
        if (sale.facilitator.holdsNothing) await remember(sale, claim.reservation.reservationId, { state: "delivered" });
        return answerAgain(signed, claim.answer);
      }
      await ask(store.free(key, lease));
      return refuseUnpaid(sale, receipt);
    }
  }
}

/** What an answer is stored under: one route, one id. */
export function answerKey({ req }: Context<PaywallEnv>, id: string): Digest {
  return bodyDigest(utf8(`${req.method} ${req.path} ${id}`));
}

export function isKeeping(claimed: Keeping | SaleResult): claimed is Keeping {
  return "reservationId" in claimed;
}

function keeping(sale: Sale, store: AnswerStore, key: Digest, lease: Digest, reservation: Reservation): Keeping {
  let kept: boolean | undefined;
  return {
    reservationId: reservation.reservationId,
    keep: async () => {
      const { response, copy } = await keepAnswer(sale.c.res, sale.outer.headers);
      sale.c.res = undefined;
      sale.c.res = response;
      kept = await ask(store.store(key, lease, reservation, copy));
      return kept;
    },
    kept: () => kept === true,
    paid: (receipt) => ask(store.paid(key, receipt)),
    free: () => ask(store.free(key, lease)),
  };
}

/** The same answer with the same receipt; the receipt alone where the answer was not kept. */
export function answerAgain(receipt: SettleResponse, answer: StoredAnswer | undefined): Unanswered {
  if (!answer) return refuse({ code: "answer_not_stored", receipt });
  const headers = new Headers(answer.headers);
  headers.set(PAYMENT_RESPONSE, encodeHeader(receipt));
  headers.set("Cache-Control", "private, no-store");
  return { answered: false, response: new Response(answer.body.length > 0 ? answer.body : null, { status: answer.status, headers }) };
}
