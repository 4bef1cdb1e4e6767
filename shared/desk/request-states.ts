/**
 * What becomes of a request at a hosted desk: its states, what can happen to it, and what each does in each state. spec/desk.md has the
 * same table. The first decision counts, wherever it was made; nothing but an owner's proof makes an approval.
 */

import type { DeskCode } from "./codes.ts";

/** `none`: the desk does not have it. `expired` is final; so are `declined`, `revoked` and `cancelled`. */
export const ASKED_STATES = ["none", "pending", "approved", "declined", "revoked", "cancelled", "expired"] as const;
export type AskedState = (typeof ASKED_STATES)[number];

/**
 * - `ask`: its agent sends it, for the first time or again.
 * - `approve`: a whole payment. `part`: the proof of one key of several.
 * - `decline`, `revoke`: the owner's no, before and after a yes. `again`: the very decision that stands.
 * - `cancel`: its agent takes it back.
 * - `end`: its last second is over.
 */
export const REQUEST_EVENTS = ["ask", "approve", "approve again", "part", "decline", "revoke", "cancel", "end"] as const;
export type RequestEvent = (typeof REQUEST_EVENTS)[number];

/** `go`: it is in that state now. `stay`: nothing changes, and the caller is told the state. Or a refusal. */
export type Step = { go: AskedState } | "stay" | DeskCode;

const decided = "decided_meanwhile" satisfies DeskCode;
const unknown = "request_not_found" satisfies DeskCode;
const over = "request_expired" satisfies DeskCode;

const TABLE: Readonly<Record<AskedState, Readonly<Record<RequestEvent, Step>>>> = {
  none: {
    ask: { go: "pending" },
    approve: unknown,
    "approve again": unknown,
    part: unknown,
    decline: unknown,
    revoke: unknown,
    cancel: unknown,
    end: "stay",
  },
  pending: {
    ask: "stay",
    approve: { go: "approved" },
    // Nothing was approved that this could be again.
    "approve again": { go: "approved" },
    // Kept beside the request; it pays nothing.
    part: "stay",
    decline: { go: "declined" },
    // A revocation cancels an approval of this desk. Without one the owner declines.
    revoke: "request_differs",
    cancel: { go: "cancelled" },
    end: { go: "expired" },
  },
  // The payment ends by itself: the request stays approved.
  approved: {
    ask: "stay",
    approve: decided,
    "approve again": "stay",
    part: decided,
    decline: decided,
    revoke: { go: "revoked" },
    // Too late: the agent gets the payment.
    cancel: "stay",
    end: "stay",
  },
  declined: {
    ask: "stay",
    approve: decided,
    "approve again": decided,
    part: decided,
    decline: "stay",
    revoke: decided,
    cancel: "stay",
    end: "stay",
  },
  revoked: {
    ask: "stay",
    approve: decided,
    "approve again": decided,
    part: decided,
    decline: decided,
    revoke: "stay",
    cancel: "stay",
    end: "stay",
  },
  cancelled: {
    ask: "stay",
    approve: decided,
    "approve again": decided,
    part: decided,
    decline: decided,
    revoke: decided,
    cancel: "stay",
    end: "stay",
  },
  expired: {
    ask: "stay",
    approve: over,
    "approve again": over,
    part: over,
    decline: over,
    revoke: over,
    cancel: "stay",
    end: "stay",
  },
};

export function stepOf(state: AskedState, event: RequestEvent): Step {
  return TABLE[state][event];
}

/** Its last second is in the request itself, so no alarm has to be in time. @param now unix seconds */
export function stateAt(state: AskedState, expiresAt: number, now: number): AskedState {
  return state === "pending" && expiresAt < now ? "expired" : state;
}
