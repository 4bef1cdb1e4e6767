/** The facilitator of a shop's tests: the real verification in front of the real ledger's rules, over a database of its own. */

import { inProcessBackend } from "../agent-cli/demo/in-process.ts";
import { digest, randomDigest } from "../shared/crypto/digest.ts";
import { LedgerRules } from "../shared/ledger/rules.ts";
import type { LedgerStore } from "../shared/ledger/store.ts";
import { GENESIS_SUPPLY } from "../shared/limits.ts";
import type { AccountId } from "../shared/protocol/account.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { Facilitator } from "../shared/settlement/facilitator.ts";
import { unixNow } from "../shared/time.ts";
import type { FacilitatorRpc } from "../workers/merchant/paywall/types.ts";

/** Atomic units as decimal strings. `held` is the part of `balance` that open holds claim. */
export interface Balance {
  balance: string;
  held: string;
}

/** A payment that moved. */
export interface TestSettlement {
  transaction: string;
  payer: string;
  /** Atomic units. */
  amount: string;
}

/** What a shop calls, and what its tests look at. In workerd these calls go over RPC to a Durable Object. */
export interface TestLedger extends FacilitatorRpc {
  /** Moves money from the treasury, past the faucet and its limits: a shop may sell for more than a faucet grants. */
  give(to: AccountId, amount: Amount): Promise<void>;
  balance(account: AccountId): Promise<Balance>;
  /** What buyers paid to this account, the oldest payment first. */
  settlements(payee: AccountId): Promise<TestSettlement[]>;
}

/**
 * The id of every test ledger: a route remembers its ledger for as long as its module is loaded, and each test may open a ledger of
 * its own.
 */
const LEDGER = digest("Nonce", { ledger: "lez-agent-pay/testing" });

const MAX_LISTED = 10_000;

/** Creates a ledger in an empty store. */
export function createTestLedger(store: LedgerStore): TestLedger {
  const rules = new LedgerRules(store, { ledger: LEDGER, supply: GENESIS_SUPPLY, at: unixNow() });
  const facilitator = new Facilitator(inProcessBackend(rules), LEDGER);
  const { treasury } = rules.info();
  return {
    supported: async () => facilitator.supported(),
    reserve: (command) => facilitator.reserve(command),
    capture: (command) => facilitator.capture(command),
    release: (command) => facilitator.release(command),
    settle: (command) => facilitator.settle(command),
    async give(payee, value) {
      const now = unixNow();
      const gift = { payer: treasury, payee, value, nonce: randomDigest(), validAfter: now, validBefore: now };
      const authorizationDigest = digest("Authorization", { ...gift, validAfter: String(now), validBefore: String(now) });
      const given = rules.settle({ payment: { ...gift, authorizationDigest }, settlementId: randomDigest() }, now);
      if (!given.ok) throw new Error(`the test ledger has no ${value} to give: ${given.code}`);
    },
    async balance(account) {
      const { balance, held } = rules.account(account);
      return { balance, held };
    },
    async settlements(payee) {
      return rules
        .journal(payee, 0, MAX_LISTED)
        .flatMap(({ kind, counterparty: payer, transaction, value: amount }) =>
          kind === "credit" && payer && payer !== treasury && transaction ? [{ transaction, payer, amount }] : [],
        );
    },
  };
}
