/**
 * `npm run npm-audit`: fails when the registry knows a vulnerability of high severity or worse in what the lockfile names. A registry
 * that answers no such question leaves it unchecked, and the output says so: the check belongs to the hosted CI alone.
 */

import { spawnSync } from "node:child_process";
import { pathToFileURL } from "node:url";

interface Audit {
  /** The registry's answer if it was an error. */
  message?: string;
  metadata?: { vulnerabilities?: Record<string, number> };
}

/** @param output of `npm audit --json` */
export function verdictOf(output: string): { failed: boolean; says: string } {
  const { message = "npm gave no report", metadata } = read(output);
  const found = metadata?.vulnerabilities;
  if (!found) return { failed: false, says: `not checked: ${message}` };
  const [high = 0, critical = 0] = [found["high"], found["critical"]];
  return { failed: high + critical > 0, says: `${critical} critical, ${high} high, ${found["total"] ?? 0} in all` };
}

function read(output: string): Audit {
  try {
    return JSON.parse(output) as Audit;
  } catch {
    return {};
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { stdout } = spawnSync("npm", ["audit", "--json"], { encoding: "utf8" });
  const { failed, says } = verdictOf(stdout);
  console.log(`npm audit: ${says}`);
  process.exitCode = failed ? 1 : 0;
}
