/** What a facilitator of a LEZ zone is configured with. Without `SEQUENCER_URL` there is none. */

import * as z from "zod/mini";
import { ConfigurationError } from "../../shared/configuration-error.ts";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { NATIVE_NETWORKS, type NativeNetwork } from "../../shared/lez.ts";
import { type Sequencer, sequencerAt } from "../../shared/sequencer/client.ts";
import type { ConfiguredChain } from "../../shared/sequencer/fingerprint.ts";
import { checkShape } from "../../shared/text/json.ts";
import type { NativeOffer } from "../../shared/zone/terms.ts";
import { V03 } from "../../shared/zone/v03.ts";

export interface NativeVars {
  /** The network that this Worker settles on. */
  NATIVE_NETWORK?: string;
  /** Where the sequencer answers JSON-RPC. */
  SEQUENCER_URL?: string;
  /** The hash of block 1, 64 hex digits: it names the chain. */
  SEQUENCER_LEDGER?: string;
  /** What `getChannelId` must answer. Absent: it is not asked. */
  SEQUENCER_CHANNEL?: string;
  /** The largest `max_fee` that a payment may declare, in lepta. */
  NATIVE_MAX_FEE?: string;
  /** Payments per payer. Absent: nothing is counted. */
  CALL_LIMIT?: RateLimit;
}

/** What every network is offered with. `depth:2` outlives the reorganisations that were seen. */
const FINALITIES = ["head", "depth:2", "final"] as const;
const DEFAULT_MAX_FEE = "1000000";

const chainSchema = z.object({
  url: z.url({ protocol: /^https?$/ }),
  ledger: digestSchema,
  channel: z.optional(digestSchema),
});

/** @throws {ConfigurationError} */
export function configuredZone(env: NativeVars): { sequencer: Sequencer; chain: ConfiguredChain } {
  const { SEQUENCER_URL: url, SEQUENCER_LEDGER: ledger, SEQUENCER_CHANNEL: channel } = env;
  const checked = checkShape({ url, ledger, ...(channel && { channel }) }, chainSchema);
  if (!checked.ok) throw new ConfigurationError(`SEQUENCER_URL, SEQUENCER_LEDGER, SEQUENCER_CHANNEL: ${checked.problem}`);
  return { sequencer: sequencerAt(checked.value.url, V03), chain: { ledger: checked.value.ledger, channel: checked.value.channel } };
}

/** What is offered, and on which chain. */
export interface ConfiguredOffer extends NativeOffer {
  network: NativeNetwork;
  chain: ConfiguredChain;
}

const offerSchema = z.object({
  network: z.enum(NATIVE_NETWORKS),
  maxFee: z.string().check(z.regex(/^[1-9][0-9]{0,38}$/, "must be a number of lepta")),
});

/**
 * @returns undefined if no sequencer is configured: then nothing is offered
 * @throws {ConfigurationError}
 */
export function configuredOffer(env: NativeVars): ConfiguredOffer | undefined {
  if (!env.SEQUENCER_URL) return undefined;
  const { chain } = configuredZone(env);
  const checked = checkShape({ network: env.NATIVE_NETWORK, maxFee: env.NATIVE_MAX_FEE || DEFAULT_MAX_FEE }, offerSchema);
  if (!checked.ok) throw new ConfigurationError(`NATIVE_NETWORK, NATIVE_MAX_FEE: ${checked.problem}`);
  return { network: checked.value.network, maxFee: BigInt(checked.value.maxFee), finalities: FINALITIES, chain };
}
