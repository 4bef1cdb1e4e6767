/** What the steps of a refund know of who signs and sends it. Neither writes anything down. */

import type { RefundObstacle } from "../../../../shared/protocol/refund-obstacle.ts";
import type { SignedRefund } from "../../../../shared/protocol/refund.ts";
import type { RefundTerms } from "../types.ts";

/** What signs and sends refunds. */
export interface Refunder {
  sign(terms: RefundTerms): Promise<Signing>;
  send(signed: SignedRefund, traceId: string): Promise<Sending>;
}

export type Signing =
  | { kind: "signed"; signed: SignedRefund }
  /** The seller gave all of it back already. */
  | { kind: "made" }
  | { kind: "no_credit" }
  /** The merchant cannot sign one. `hasCredit`: the payee was paid. */
  | { kind: "owed"; code: RefundObstacle; hasCredit: boolean }
  | Later;

export type Sending =
  | { kind: "made" }
  /** Certain: it did not go back, and this refund never will. */
  | { kind: "owed"; code: RefundObstacle }
  | Later;

/** Another try may tell. */
export type Later = { kind: "later"; problem: string };
