/** Public names of earlier versions. They keep working; our own code uses the new ones. */

import { serializeEvidence } from "./evidence/serialize.ts";
import * as current from "./limits.ts";

/** @deprecated Use `serializeEvidence`. */
export const spellEvidence = serializeEvidence;

/** Limits that version 0.1 published. They are the CLI's own, in agent-cli/runtime/limits.ts, or have another name. */
const formerLimits = {
  /** @deprecated A limit of the CLI. */
  HTTP_TIMEOUT_SECONDS: 60,
  /** @deprecated A limit of the CLI. */
  DID_TIMEOUT_SECONDS: 3,
  /** @deprecated A limit of the CLI. */
  MAX_IDENTIFIER_INFO_BYTES: 1024,
  /** @deprecated A limit of the CLI. */
  MAX_JOURNAL_PAGES: 100,
  /** @deprecated A limit of the CLI. */
  DEFAULT_REQUEST_LIFE_SECONDS: 3600,
  /** @deprecated A limit of the CLI. */
  PIN_SECONDS: 180 * 24 * 3600,
  /** @deprecated A limit of the CLI. */
  MAX_PINS: 1000,
  /** @deprecated A limit of the CLI. */
  MAX_AUDIT_LINE_BYTES: 16 * 1024,
  /** @deprecated A limit of the CLI. */
  MAX_HISTORY: 1000,
  /** @deprecated A limit of the CLI. */
  MAX_LISTED: 100,
  /** @deprecated A limit of the CLI. */
  MIN_PASSPHRASE_LENGTH: 8,
  /** @deprecated A limit of the CLI. */
  MAX_PASSPHRASE_BYTES: 1024,
  /** @deprecated A limit of the CLI. */
  MAX_PASSPHRASE_TRIES: 3,
  /** @deprecated A limit of the CLI. */
  SCRYPT_COST: 2 ** 17,
  /** @deprecated A limit of the CLI. */
  MAX_SCRYPT_COST: 2 ** 20,
  /** @deprecated A limit of the CLI. */
  MAX_OPERATOR_KEY_BYTES: 1024,
  /** @deprecated A limit of the CLI. */
  MCP_PATIENCE_SECONDS: 40,
  /** @deprecated A limit of the CLI. */
  MCP_PROGRESS_MILLIS: 5000,
  /** @deprecated A limit of the CLI. */
  MAX_DOWNLOAD_NAME_LENGTH: 100,
  /** @deprecated Use `ANSWER_TIMEOUT_SECONDS`. */
  ANSWER_PATIENCE_SECONDS: current.ANSWER_TIMEOUT_SECONDS,
} as const;

export const limits: typeof current & typeof formerLimits = { ...current, ...formerLimits };
