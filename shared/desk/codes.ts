/** The codes with which a hosted desk refuses. Those of the error table (shared/errors.ts) that it uses mean the same there. */

import { type ErrorCode, ERRORS } from "../errors.ts";

interface DeskErrorFacts {
  /** The HTTP status of the desk's answer. */
  readonly status: number;
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
}

const TABLE = {
  usage: {
    status: 400,
    message: "The call is malformed.",
    hint: "Correct what the message says; spec/desk.md names the files that say what each call takes.",
  },
  desk_refused: {
    status: 403,
    message: "The call does not come from the page of this desk.",
    hint: "Open the desk at its own address, and decide there.",
  },
  signed_out: { status: 401, message: "You are not signed in.", hint: "Sign in with a passkey or a key of the account." },
  call_refused: {
    status: 401,
    message: "The signature of this call does not count.",
    hint: "Sign the desk's origin, the method, the path and the body exactly as sent, with the time of now and a new nonce; check this machine's clock.",
  },
  not_paired: {
    status: 403,
    message: "This agent is not paired with the account.",
    hint: "Pair it: lez-agent-pay pair. The owner confirms it at the desk.",
  },
  replayed: { status: 409, message: "This was used before.", hint: "Sign another one, with a new nonce." },
  proof_expired: { status: 409, message: "This was signed too long ago.", hint: "Check the clock of this device, and sign again." },
  pairing_not_found: {
    status: 404,
    message: "No agent waits here.",
    hint: "The link is good once, for ten minutes. Let the agent make another: lez-agent-pay pair.",
  },
  request_not_found: { status: 404, message: "The desk has no such request.", hint: "Look at the list: it may be too old to be kept." },
  request_refused: {
    status: 422,
    message: "The desk does not show this request to its owner.",
    hint: "Make the request again, from the merchant's terms of now.",
  },
  request_expired: { status: 410, message: "The request has expired.", hint: "The agent can ask again." },
  request_differs: {
    status: 422,
    message: "What was signed is not what the request asks for.",
    hint: "Nothing was kept. Read the request again, and sign what the page shows.",
  },
  decided_meanwhile: {
    status: 409,
    message: "The request was decided before.",
    hint: "The first decision counts. Look at the request again.",
  },
  terms_differ: {
    status: 422,
    message: "The merchant's own terms are not the ones in this request.",
    hint: "Do not approve it. The agent can make a new request from the merchant's terms.",
  },
  mandate_not_found: { status: 404, message: "The desk has no such allowance.", hint: "Look at the list of allowances." },
  receipt_not_found: {
    status: 404,
    message: "The desk has no receipt of this.",
    hint: "There is one once the ledger says that it is paid. On the agent's machine: lez-agent-pay receipt show.",
  },
  unsupported: { status: 422, message: "This desk cannot do that.", hint: "Do it at a terminal." },
  desk_full: {
    status: 503,
    message: "The desk keeps no more for this account.",
    hint: "Decide or decline what waits; old requests make room by themselves.",
  },
} as const satisfies Record<string, DeskErrorFacts>;

/** Codes of the error table that a desk answers with, and the status of its answer where that is another. */
const SHARED = {
  invalid_signature: 422,
  payment_expired: 410,
  payload_too_large: 413,
  rate_limited: 429,
  not_found: 404,
  internal_error: 500,
} as const satisfies Partial<Record<ErrorCode, number>>;

type SharedCode = keyof typeof SHARED;
export type OwnDeskCode = keyof typeof TABLE;
export type DeskCode = OwnDeskCode | SharedCode;

export const DESK_ERRORS: Readonly<Record<OwnDeskCode, DeskErrorFacts>> = TABLE;

export interface DeskRefusal {
  ok: false;
  error: { code: DeskCode; message: string; hint?: string };
  /** Seconds after which the same call may be taken. */
  retryAfter?: number;
}

/** @param message in place of the code's own sentence */
export function refused(code: DeskCode, message?: string, hint?: string): DeskRefusal {
  const facts = isOwn(code) ? TABLE[code] : ERRORS[code];
  return { ok: false, error: { code, message: message ?? facts.message, hint: hint ?? facts.hint } };
}

/** @param what was sent: "The call" @param problem of `parseJson` or `checkShape` */
export function malformed(what: string, problem: string): DeskRefusal {
  return refused("usage", `${what} is malformed: ${problem}.`);
}

export function statusOf(code: DeskCode): number {
  return isOwn(code) ? TABLE[code].status : SHARED[code];
}

function isOwn(code: DeskCode): code is OwnDeskCode {
  return Object.hasOwn(TABLE, code);
}
