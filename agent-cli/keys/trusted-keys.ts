/** The public keys that this user knows: from flags, a file of known keys or a pin, never from the evidence that they check. */

import { existsSync } from "node:fs";
import * as z from "zod";
import type { CallEvidence } from "../../shared/evidence/call-evidence.ts";
import type { Evidence } from "../../shared/evidence/evidence.ts";
import { knownKeySchema, type KnownKeys, knownKeysSchema } from "../../shared/evidence/keys.ts";
import { accountIdSchema } from "../../shared/protocol/account.ts";
import { textField } from "../command-line/fields.ts";
import { pinsOf } from "../records/merchant-pins.ts";
import type { Context } from "../runtime/context.ts";
import { readJson } from "../runtime/files.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { stateHomePath } from "../runtime/state-directory.ts";

/** A person decides whom to trust: none of these is an argument of an MCP tool. */
const known = (value: string, description: string) => ({ value, local: true, description });

export const knownKeysFields = {
  keys: z.string().optional().meta(known("file", "a file of known keys; else the configured one (keysFile)")),
  merchantKey: keyField("the merchant's key, as its /.well-known/did.json has it; else the pinned one"),
  ledgerKey: keyField("the ledger's key, as its facilitator's /health has it"),
  owner: textField(accountIdSchema).optional().meta(known("account", "the owner's account")),
  agentKey: keyField("the agent's key"),
};

export interface KnownKeysInput {
  keys?: string | undefined;
  merchantKey?: string | undefined;
  ledgerKey?: string | undefined;
  owner?: string | undefined;
  agentKey?: string | undefined;
}

/** The keys for checking `evidence`. A flag names the key of its merchant, its ledger, its owner or its agent. */
export function knownKeys(context: Context, input: KnownKeysInput, evidence: Evidence | CallEvidence | undefined): Outcome<KnownKeys> {
  const file = keysFile(context, input);
  if (!file.ok || !evidence) return file;
  const { merchants, ledgers, owners = [], agents = [] } = file.data;
  const { origin } = evidence.version === "1" ? new URL(evidence.request.http.url) : evidence.session.channelConfig;
  const pinned = pinnedKey(context, origin);
  if (!pinned.ok) return pinned;
  const ledger = evidence.ledger?.checkpoint.checkpoint.ledger;
  return succeed({
    merchants: { ...merchants, [origin]: [...added(input.merchantKey), ...(merchants?.[origin] ?? []), ...pinned.data] },
    ledgers: { ...ledgers, ...(ledger && { [ledger]: [...added(input.ledgerKey), ...(ledgers?.[ledger] ?? [])] }) },
    owners: [...(added(input.owner) as typeof owners), ...owners],
    agents: [...added(input.agentKey), ...agents],
  });
}

/** A file that a flag names is the user's choice. The configured one is trusted without being named, so no other user may change it. */
function keysFile(context: Context, { keys }: KnownKeysInput): Outcome<KnownKeys> {
  const what = "file of known keys";
  if (keys !== undefined) return readJson(keys, knownKeysSchema, { what, named: true }, context.files.read);
  const config = context.config();
  if (!config.ok) return config;
  const { keysFile: configured } = config.data;
  return configured === undefined ? succeed({}) : readJson(configured, knownKeysSchema, { what, unchangedByOthers: true });
}

/** Reading leaves no trace: without a state directory there are no pins. */
function pinnedKey(context: Context, origin: string): Outcome<string[]> {
  if (!existsSync(stateHomePath(context))) return succeed([]);
  const pins = pinsOf(context, origin);
  return pins.ok ? succeed([...new Set(pins.data.flatMap(({ key }) => added(key?.publicKey)))]) : pins;
}

function added(key: string | undefined): string[] {
  return key === undefined ? [] : [key];
}

function keyField(description: string) {
  return z
    .string()
    .transform((text, { issues }) => {
      const key = knownKeySchema.safeParse(text);
      if (!key.success) issues.push({ code: "custom", message: key.error.issues[0]?.message ?? "must be a public key", input: text });
      return key.data ?? "";
    })
    .optional()
    .meta(known("key", description));
}
