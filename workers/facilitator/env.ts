/** The Worker's bindings, and what a request carries through its handlers. */

import type { MetricsDataset } from "../../shared/metrics.ts";
import type { PasskeyRules } from "../../shared/protocol/passkey.ts";
import type { NativeApi } from "../../shared/settlement/native.ts";
import type { Ledger } from "../ledger-do/ledger.ts";
import type { Catalogue } from "./catalogue.ts";

export interface LedgerBinding {
  LEDGER: DurableObjectNamespace<Ledger>;
  /** The number of objects that share the ledger; 1 when absent. */
  SHARDS?: string;
  /** The name of the ledger's objects; "ledger" when absent. A restored ledger has objects of its own. */
  LEDGER_NAME?: string;
}

export interface FacilitatorEnv extends LedgerBinding {
  /** "on": `POST /faucet` grants test money, and passkeys of `http://localhost` sign. */
  FAUCET?: string;
  /** "public": every caller reads every account's books. "keyed", and absent: the operator, and callers with the account's access. */
  BOOKS?: string;
  /** Secret. JSON: SHA-256 of a bearer key → the accounts it may verify and settle for. Absent: every caller may. */
  FACILITATOR_KEYS?: string;
  /** Secret. SHA-256 of the bearer key with which the operator reads and exports the ledger's books. Absent: no caller does. */
  OPERATOR_KEY_SHA256?: string;
  /** Verifications, settlements and checkpoints per caller and payer; reads per caller. */
  CALL_LIMIT?: RateLimit;
  /** Cancellations per caller: each stores a row for more than a day. */
  CANCEL_LIMIT?: RateLimit;
  FAUCET_LIMIT?: RateLimit;
  /** Reservations and settlements over RPC, per account that is paid. */
  SELLER_LIMIT?: RateLimit;
  /** What can be bought here. Absent: nothing is listed. */
  CATALOGUE?: DurableObjectNamespace<Catalogue>;
  /** "local": lists addresses of this machine and its network, too. "public", and absent: https at a public name. */
  DISCOVERY?: string;
  /** The explorer's page, at /explorer/. Absent: there is none. */
  EXPLORER?: Fetcher;
  /** Settles payments on the Logos Execution Zone itself. Absent: none of its networks is offered. */
  NATIVE?: NativeApi;
  /** Counts events and times the ledger in an Analytics Engine dataset. */
  PAYMENT_METRICS?: MetricsDataset;
}

/** The Hono environment of every endpoint. */
export type Api = { Bindings: FacilitatorEnv; Variables: { traceId: string } };

/** A ledger of test money takes the passkeys of tests. */
export function passkeyRules({ FAUCET }: FacilitatorEnv): PasskeyRules {
  return { localhost: FAUCET === "on" };
}
