/** The exit codes: a public contract, the same for every command. */

export const EXIT = {
  ok: 0,
  internal: 1,
  usage: 2,
  approvalPending: 10,
  declined: 11,
  approvalExpired: 12,
  /** No mandate covers it, and --no-ask forbids to ask the owner. */
  notAsked: 13,
  /** The payment was refused. Presenting it paid nothing more. */
  paymentRejected: 20,
  /** The payment may have been made: there was no answer, or only another request for payment. Do not pay again; run `next`. */
  outcomeUnknown: 21,
  httpErrorAfterPayment: 22,
  /** The request or the response is not what was approved. */
  differs: 23,
  /** The seller's own orders are not the sales of the ledger. */
  ordersDiffer: 24,
  notSetUp: 30,
  keystoreLocked: 31,
  unsafePermissions: 32,
  network: 40,
  unsupported: 41,
  busy: 75,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
