/** The bindings of the desk. wrangler.toml says what each is. */

import type { PasskeyRules } from "../../shared/protocol/passkey.ts";
import type { Pairings } from "./pairings.ts";

/** What a `Desk` object works with. The Worker has the objects themselves, too: worker-env.ts. */
export interface DeskEnv {
  PAIRINGS: DurableObjectNamespace<Pairings>;
  DESK_ORIGIN?: string;
  FACILITATOR?: Fetcher;
  FACILITATOR_URL?: string;
  FAUCET?: string;
  DESK_EGRESS?: string;
  /** Secret: signs what push services are sent. */
  PUSH_KEY?: string;
  PUSH_TEST_HOST?: string;
  /** Calls of strangers: logins, nonces, records of keys, places of pairings, and calls that were refused. Per network. */
  STRANGER_LIMIT?: RateLimit;
}

/** The origin that logins, pairings and settings name. @param url of a request */
export function originOf({ DESK_ORIGIN }: DeskEnv, url: string): string {
  return DESK_ORIGIN === undefined || DESK_ORIGIN === "" ? new URL(url).origin : DESK_ORIGIN;
}

export function passkeyRules({ FAUCET }: DeskEnv): PasskeyRules {
  return { localhost: FAUCET === "on" };
}
