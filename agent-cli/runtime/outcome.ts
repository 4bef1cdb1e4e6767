/** What a command, or a step of one, comes to: data, or a failure that says what to do. */
import { EXIT, type ExitCode } from "./exit-codes.ts";

/** What to run next. An argv, never a shell string: nothing in it is interpreted. */
export interface Next {
  argv: string[];
  /** Who runs it. */
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
    /** The same command can succeed later, unchanged. */
    retryable: boolean;
    details?: Record<string, unknown>;
  };
  next?: Next;
}

export type Outcome<Data> = Success<Data> | Failure;

/** The CLI's own failures. Codes of the payment protocol (shared/errors.ts) come beside them, with `refuse`. */
const FAILURES = {
  internal: EXIT.internal,
  /** stdout took nothing: whoever reads it has no answer. */
  output_not_written: EXIT.internal,
  usage: EXIT.usage,
  insecure_url: EXIT.usage,
  invalid_file: EXIT.usage,
  file_exists: EXIT.usage,
  file_not_written: EXIT.usage,
  /** There is a question and no terminal to ask it on. */
  interaction_required: EXIT.usage,
  not_approved: EXIT.approvalPending,
  /** The owner has not decided yet. */
  approval_pending: EXIT.approvalPending,
  declined: EXIT.declined,
  payment_revoked: EXIT.declined,
  request_cancelled: EXIT.approvalExpired,
  request_expired: EXIT.approvalExpired,
  payment_expired: EXIT.approvalExpired,
  outcome_unknown: EXIT.outcomeUnknown,
  http_error: EXIT.httpErrorAfterPayment,
  request_differs: EXIT.differs,
  terms_differ: EXIT.differs,
  receipt_differs: EXIT.differs,
  /** Not the payee, the key or the signature of before. */
  merchant_changed: EXIT.differs,
  no_payment_required: EXIT.differs,
  evidence_differs: EXIT.differs,
  /** Dearer than the agent was told to go. */
  above_max_amount: EXIT.differs,
  not_set_up: EXIT.notSetUp,
  key_not_found: EXIT.notSetUp,
  wrong_role: EXIT.notSetUp,
  request_not_found: EXIT.notSetUp,
  /** Nothing here shows that it was paid. */
  receipt_not_found: EXIT.notSetUp,
  /** A part, or a key to check it with, is not to be had. */
  evidence_incomplete: EXIT.notSetUp,
  keystore_locked: EXIT.keystoreLocked,
  unsafe_permissions: EXIT.unsafePermissions,
  network: EXIT.network,
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
  /** Where the situation calls for another exit code than the code's own. */
  exit?: ExitCode;
}

export function succeed<Data>(data: Data, next?: Next): Success<Data> {
  return { ok: true, data, ...(next && { next }) };
}

export function fail(code: FailureCode, message: string, extras: FailureExtras = {}): Failure {
  return refuse(code, extras.exit ?? FAILURES[code], message, extras);
}

/** A failure under a code of the payment protocol, or of a merchant. */
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
