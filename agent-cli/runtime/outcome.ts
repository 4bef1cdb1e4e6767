/** The result of a command, or of a step: data, or a failure that says what to do. */

import { EXIT, type ExitCode } from "./exit-codes.ts";

/** The next command to run. An argv, never a shell string: no shell interprets it. */
export interface Next {
  argv: string[];
  /** Who should run it. */
  by: "agent" | "owner";
  why: string;
  /** Wait this long first. */
  afterSeconds?: number;
}

export interface Success<Data> {
  ok: true;
  data: Data;
  next?: Next;
}

export interface Failure {
  ok: false;
  exit: ExitCode;
  error: {
    /** Stable, for machines. */
    code: string;
    /** A sentence for people. */
    message: string;
    /** What to do about it. */
    hint?: string;
    /** Whether the same command can succeed later, unchanged. */
    retryable: boolean;
    details?: Record<string, unknown>;
  };
  next?: Next;
}

export type Outcome<Data> = Success<Data> | Failure;

/** The CLI's own failure codes. Codes of the payment protocol (shared/errors.ts) go through `refuse`. */
const FAILURES = {
  internal: EXIT.internal,
  /** stdout could not be written, so its reader has no answer. */
  output_not_written: EXIT.internal,
  usage: EXIT.usage,
  insecure_url: EXIT.usage,
  invalid_file: EXIT.usage,
  file_exists: EXIT.usage,
  /** An agent's command named a file that is not in the agent's folders. */
  file_not_allowed: EXIT.usage,
  file_not_written: EXIT.usage,
  /** A question must be asked, and there is no terminal. */
  interaction_required: EXIT.usage,
  not_approved: EXIT.approvalPending,
  /** Of several requests, some were approved and some could not be. */
  batch_incomplete: EXIT.approvalPending,
  /** It is read and approved alone: a large amount, terms that no host confirms, or a body. */
  typed_confirmation_required: EXIT.approvalPending,
  /** The owner has blocked the agent that made the request. */
  agent_blocked: EXIT.approvalPending,
  /** The owner has not decided yet. */
  approval_pending: EXIT.approvalPending,
  /** No mandate covers it, and the owner was not to be asked. */
  not_asked: EXIT.notAsked,
  declined: EXIT.declined,
  payment_revoked: EXIT.declined,
  request_cancelled: EXIT.approvalExpired,
  request_expired: EXIT.approvalExpired,
  payment_expired: EXIT.approvalExpired,
  outcome_unknown: EXIT.outcomeUnknown,
  /** It goes on in this process, beyond the call. */
  payment_under_way: EXIT.outcomeUnknown,
  http_error: EXIT.httpErrorAfterPayment,
  /** Paid; the body broke off, and its part is kept. */
  answer_incomplete: EXIT.httpErrorAfterPayment,
  request_differs: EXIT.differs,
  /** The request was decided in another process while this one was asking. */
  decided_meanwhile: EXIT.differs,
  terms_differ: EXIT.differs,
  /** The merchant was asked, and did not confirm the request. */
  terms_unconfirmed: EXIT.differs,
  receipt_differs: EXIT.differs,
  /** The payee, the key or the signature is not the known one. */
  merchant_changed: EXIT.differs,
  no_payment_required: EXIT.differs,
  evidence_differs: EXIT.differs,
  /** An account's journal does not lead to its balance, or its chain is broken. */
  journal_differs: EXIT.differs,
  sale_refunded: EXIT.differs,
  orders_differ: EXIT.ordersDiffer,
  /** The price exceeds the agent's --max-amount. */
  above_max_amount: EXIT.differs,
  not_set_up: EXIT.notSetUp,
  /** The account cannot pay the sum that would be approved. */
  balance_too_low: EXIT.notSetUp,
  key_not_found: EXIT.notSetUp,
  wrong_role: EXIT.notSetUp,
  request_not_found: EXIT.notSetUp,
  mandate_not_found: EXIT.notSetUp,
  session_not_found: EXIT.notSetUp,
  /** The account's journal has no such sale, or has it no more. */
  sale_not_found: EXIT.notSetUp,
  /** No record on this machine shows that it was paid. */
  receipt_not_found: EXIT.notSetUp,
  /** A part is missing, or a key to check it with. */
  evidence_incomplete: EXIT.notSetUp,
  /** The owner has not opened this address to agents. */
  egress_denied: EXIT.notSetUp,
  keystore_locked: EXIT.keystoreLocked,
  /** A call of the desk without its token, or from a page that is not its own. */
  desk_refused: EXIT.usage,
  /** A hosted desk's proof of a pairing is not the one that was asked for, or its operator did not confirm it. */
  pairing_differs: EXIT.differs,
  /** No desk is paired with this agent's key. */
  not_paired: EXIT.notSetUp,
  /** What the page of the desk shows is too old to be signed. */
  reading_expired: EXIT.differs,
  /** Another program listens there. */
  port_in_use: EXIT.busy,
  unsafe_permissions: EXIT.unsafePermissions,
  network: EXIT.network,
  /** The server's certificate is not good, so it may be another server. */
  certificate_refused: EXIT.network,
  unsupported: EXIT.unsupported,
  busy: EXIT.busy,
  interrupted: EXIT.interrupted,
} as const satisfies Record<string, ExitCode>;

export type FailureCode = keyof typeof FAILURES;

export interface FailureExtras {
  hint?: string;
  retryable?: boolean;
  details?: Record<string, unknown>;
  next?: Next;
  /** Replaces the exit code that belongs to the failure code. */
  exit?: ExitCode;
}

export function succeed<Data>(data: Data, next?: Next): Success<Data> {
  return { ok: true, data, ...(next && { next }) };
}

export function fail(code: FailureCode, message: string, extras: FailureExtras = {}): Failure {
  return refuse(code, extras.exit ?? FAILURES[code], message, extras);
}

/** The exit code of a failure that another program named; undefined for a code that is none of the CLI's own. */
export function exitOf(code: string): ExitCode | undefined {
  return Object.hasOwn(FAILURES, code) ? FAILURES[code as FailureCode] : undefined;
}

/** A failure with a code of the payment protocol, or of a merchant. */
export function refuse(code: string, exit: ExitCode, message: string, extras: Omit<FailureExtras, "exit"> = {}): Failure {
  const { hint, details, next } = extras;
  const retryable = extras.retryable ?? (exit === EXIT.network || exit === EXIT.busy);
  return {
    ok: false,
    exit,
    error: { code, message, ...(hint && { hint }), retryable, ...(details && { details }) },
    ...(next && { next }),
  };
}
