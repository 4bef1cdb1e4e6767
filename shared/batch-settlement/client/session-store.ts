/** Where a client of the official packages keeps its sessions beyond its process: what it knows of each, as JSON. */

import * as z from "zod/mini";
import { amountSchema, type Charge, chargeSchema } from "../../protocol/amount.ts";
import { type Session, signedSessionSchema } from "../../protocol/session.ts";
import { laneSchema } from "../../protocol/voucher.ts";
import { wholeNumber } from "../../whole-number.ts";
import type { ClientBook } from "../client-book.ts";

/** One process at a time uses a store: two would sign one serial, of which a merchant serves one. */
export interface ClientSessionStore {
  /** All sessions that were saved and not deleted. Those of other keys or merchants are left alone. */
  load(): Promise<readonly StoredClientSession[]>;
  /** Durable when it resolves: the voucher that it counts is sent afterwards. One call at a time for each session. */
  save(session: StoredClientSession): Promise<void>;
  /** The session is long over. */
  delete(id: string): Promise<void>;
}

const laneBookSchema = z.strictObject({
  lane: laneSchema,
  serial: wholeNumber(),
  signed: chargeSchema,
  charged: chargeSchema,
  /** By serial: the most that each request under way can cost. */
  underWay: z.array(z.tuple([wholeNumber(), amountSchema])),
});

export const storedClientSessionSchema = z.strictObject({
  format: z.literal("lez-agent-pay/client-session/1"),
  signed: signedSessionSchema,
  /** The merchant has accepted a voucher of it. */
  confirmed: z.boolean(),
  /** The merchant takes no more vouchers of it. */
  over: z.boolean(),
  lanes: z.array(laneBookSchema),
  lane: laneSchema,
  /** Unix seconds. */
  laneUntil: z.optional(wholeNumber()),
});
export type StoredClientSession = z.infer<typeof storedClientSessionSchema>;

/** What is known of a session, but for its signed text. */
export interface ClientSessionState {
  confirmed: boolean;
  over: boolean;
  book: ClientBook;
}

export function stored(signed: StoredClientSession["signed"], { confirmed, over, book }: ClientSessionState): StoredClientSession {
  return {
    format: "lez-agent-pay/client-session/1",
    signed,
    confirmed,
    over,
    lanes: book.lanes.map(({ lane, serial, signed, charged, underWay }) => ({
      lane,
      serial,
      signed: String(signed) as Charge,
      charged: String(charged) as Charge,
      underWay: [...underWay].map(([serial, amount]) => [serial, String(amount) as z.infer<typeof amountSchema>]),
    })),
    lane: book.lane,
    ...(book.laneUntil !== undefined && { laneUntil: book.laneUntil }),
  };
}

export function stateFrom({
  signed,
  confirmed,
  over,
  lanes,
  lane,
  laneUntil,
}: StoredClientSession): ClientSessionState & { session: Session } {
  const { channelConfig: session } = signed;
  const book: ClientBook = {
    deposit: BigInt(session.deposit),
    lanes: lanes.map(({ lane, serial, signed, charged, underWay }) => ({
      lane,
      serial,
      signed: BigInt(signed),
      charged: BigInt(charged),
      underWay: new Map(underWay.map(([serial, amount]) => [serial, BigInt(amount)])),
    })),
    lane,
    laneUntil,
  };
  return { session, confirmed, over, book };
}
