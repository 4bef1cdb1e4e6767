/** What a facilitator of a LEZ zone is configured with. Without `SEQUENCER_URL` there is none. */

import * as z from "zod/mini";
import { ConfigurationError } from "../../shared/configuration-error.ts";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { type Sequencer, sequencerAt } from "../../shared/sequencer/client.ts";
import type { ConfiguredChain } from "../../shared/sequencer/fingerprint.ts";
import { checkShape } from "../../shared/text/json.ts";
import { V03 } from "../../shared/zone/v03.ts";

export interface NativeVars {
  /** Where the sequencer answers JSON-RPC. */
  SEQUENCER_URL?: string;
  /** The hash of block 1, 64 hex digits: it names the chain. */
  SEQUENCER_LEDGER?: string;
  /** What `getChannelId` must answer. Absent: it is not asked. */
  SEQUENCER_CHANNEL?: string;
}

const chainSchema = z.object({
  url: z.url({ protocol: /^https?$/ }),
  ledger: digestSchema,
  channel: z.optional(digestSchema),
});

/** @throws {ConfigurationError} */
export function configuredZone(env: NativeVars): { sequencer: Sequencer; chain: ConfiguredChain } {
  const { SEQUENCER_URL: url, SEQUENCER_LEDGER: ledger, SEQUENCER_CHANNEL: channel } = env;
  const checked = checkShape({ url, ledger, ...(channel !== undefined && { channel }) }, chainSchema);
  if (!checked.ok) throw new ConfigurationError(`SEQUENCER_URL, SEQUENCER_LEDGER, SEQUENCER_CHANNEL: ${checked.problem}`);
  return { sequencer: sequencerAt(checked.value.url, V03), chain: { ledger: checked.value.ledger, channel: checked.value.channel } };
}
