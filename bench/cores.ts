/** Assigns processor cores: the load has the last one to itself and takes no time from the system that it measures. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Command prefixes. Empty on one core or without `taskset`: then they share. */
export const ON_CORES: { workerd: string[]; load: string[] } = assign();

function assign() {
  const cores = allowedCores();
  const last = cores.pop();
  if (last === undefined || cores.length === 0 || spawnSync("taskset", ["-V"]).status !== 0) return { workerd: [], load: [] };
  return { workerd: ["taskset", "-c", cores.join(",")], load: ["taskset", "-c", String(last)] };
}

/** Linux reports "0-3,8"; other systems report nothing. */
function allowedCores(): number[] {
  try {
    const [, list = ""] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
    return list.split(",").flatMap((range) => {
      const [first = 0, last = first] = range.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
  } catch {
    return [];
  }
}
