/** A stamp per request that changes whenever one of its files does. A round of `inbox --watch` reads only what changed. */

import * as fs from "node:fs";
import * as path from "node:path";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";

/**
 * Every write makes a file anew, so its inode and size tell one version from the next even within one tick of the clock.
 * @returns the stamps of all requests in the inbox, in no order
 */
export function inboxStamps(context: Context): Outcome<Map<Digest, string>> {
  const [inbox, payments] = [stateDirectory(context, "inbox"), stateDirectory(context, "payments")];
  if (!inbox.ok) return inbox;
  if (!payments.ok) return payments;
  const stamps = new Map<Digest, string>();
  const requests = new Set<Digest>();
  for (const name of fs.readdirSync(inbox.data).sort()) {
    const [, digest, kind = ""] = /^([0-9a-f]{64})\.([a-z]+)\.json$/.exec(name) ?? [];
    if (digest === undefined) continue;
    if (kind === "request") requests.add(digest as Digest);
    stamps.set(digest as Digest, `${stamps.get(digest as Digest) ?? ""} ${kind}:${versionOf(path.join(inbox.data, name))}`);
  }
  return succeed(
    new Map([...requests].map((digest) => [digest, `${stamps.get(digest)} paid:${versionOf(path.join(payments.data, `${digest}.json`))}`])),
  );
}

function versionOf(file: string): string {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  return stat ? `${stat.mtimeMs}/${stat.ino}/${stat.size}` : "";
}
