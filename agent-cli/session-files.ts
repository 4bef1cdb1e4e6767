/** Sessions of the official client in files of a directory, one each, for Node: what `store` of `lez-agent-pay/batch-settlement/client` takes. */

import * as fs from "node:fs";
import * as path from "node:path";
import {
  type ClientSessionStore,
  type StoredClientSession,
  storedClientSessionSchema,
} from "../shared/batch-settlement/client/session-store.ts";
import { sessionId } from "../shared/protocol/session.ts";
import { ensurePrivateDirectory, readJson, writeJson } from "./runtime/files.ts";
import { MAX_SESSION_FILE_BYTES } from "./runtime/limits.ts";
import type { Outcome } from "./runtime/outcome.ts";

/**
 * Each file is flushed before its voucher is sent, and only its user can read it. One process at a time uses the directory.
 * @param directory is made if it is not there
 * @throws {Error} from its calls, if a file cannot be read or written
 */
export function sessionFiles(directory: string): ClientSessionStore {
  const fileOf = (id: string) => path.join(directory, `${id}.json`);
  return {
    async load() {
      must(ensurePrivateDirectory(directory));
      const names = fs.readdirSync(directory).filter((name) => /^[0-9a-f]{64}\.json$/.test(name));
      return names.map((name): StoredClientSession => {
        const options = { what: "session", secret: true, maxBytes: MAX_SESSION_FILE_BYTES };
        return must(readJson(path.join(directory, name), storedClientSessionSchema, options));
      });
    },
    async save(session) {
      must(ensurePrivateDirectory(directory));
      must(writeJson(fileOf(sessionId(session.signed.channelConfig)), session, true));
    },
    async delete(id) {
      fs.rmSync(fileOf(id), { force: true });
    },
  };
}

function must<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.data;
  throw new Error(outcome.error.message);
}
