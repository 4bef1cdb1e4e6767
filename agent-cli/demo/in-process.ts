/** The ledger's rules as a backend in this process: the interface of the Durable Object, without RPC. */

import type { LedgerRules } from "../../shared/ledger/rules.ts";
import type { PaymentBackend } from "../../shared/settlement/backend.ts";
import { unixNow } from "../../shared/time.ts";

/** @param clock unix seconds */
export function inProcessBackend(rules: LedgerRules, clock: () => number = unixNow): PaymentBackend {
  return {
    info: async () => rules.info(),
    check: async (payment) => rules.check(payment, clock()),
    reserve: async (command) => rules.reserve(command, clock()),
    capture: async (command) => rules.capture(command, clock()),
    release: async (command) => rules.release(command, clock()),
    settle: async (command) => rules.settle(command, clock()),
    cancel: async (payer, nonce) => rules.cancel(payer, nonce, clock()),
    status: async (payer, nonce, validBefore) => rules.status(payer, nonce, validBefore, clock()),
    account: async (account) => rules.account(account),
    fund: async (account, value, grantId) => rules.fund(account, value, grantId, clock()),
    upto: true,
    mandates: {
      revoke: async (command) => rules.revoke(command, clock()),
      status: async (payer, digest) => rules.mandate(payer, digest, clock()),
    },
    sessions: {
      open: async (session) => rules.openSession(session, clock()),
      check: async (session) => rules.checkSession(session, clock()),
      claim: async (command) => rules.claimSession(command, clock()),
      withdraw: async (session) => rules.withdrawSession(session, clock()),
      status: async (session) => rules.sessionOf(session, clock()),
      paymentOf: async (call) => rules.callPayment(call),
    },
  };
}
