/** The servers of this process's tests. A sandbox's configuration opens them to agents, each by its exact origin, as an owner would. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";

const origins = new Set<string>();

export function served(origin: string): void {
  origins.add(origin);
}

/** A configuration's content with the servers opened. One that has a policy of its own stays as it is. */
export function withServed(config: object): object {
  const policy = (config as { egress?: { loopback?: string[] } }).egress;
  const own = policy && (policy.loopback ?? [""]).some((origin) => !origins.has(origin));
  return own || origins.size === 0 ? config : { ...config, egress: { loopback: [...origins] } };
}

/** Opens the servers in a configuration file, which it makes if there is none. A file that cannot be read stays as it is. */
export function openServed(file: string): void {
  if (origins.size === 0) return;
  try {
    const before = existsSync(file) ? readFileSync(file, "utf8") : "{}";
    // Written by hand, as a test or a command wants it.
    if (JSON.stringify(JSON.parse(before)) !== before) return;
    const after = JSON.stringify(withServed(JSON.parse(before) as object));
    if (after === before) return;
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, after, { mode: 0o600 });
  } catch {
    // A test that breaks its configuration means it.
  }
}
