/** `audit restart`: sets a damaged log aside, unchanged, and begins another that names it. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField } from "../command-line/fields.ts";
import { readAudit, restartAudit } from "../records/audit-log.ts";
import { field } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const auditRestart = defineCommand({
  name: "audit restart",
  audience: "owner",
  summary: "set a damaged audit log aside, and begin another",
  description:
    "For a log that cannot be continued, or whose chain is broken. The file is kept under a name with the date; the first entry of the new log has that name and the file's SHA-256. An intact log is left alone.",
  input: z.strictObject(dryRunField),
  output: z.strictObject({
    dryRun: z.literal(true).optional(),
    /** The damage, line by line. */
    problems: z.array(z.string()),
    /** Where the old log is now. */
    aside: z.string().optional(),
    sha256: z.string().optional(),
  }),
  examples: [
    { says: "after audit verify has shown the damage", argv: "audit restart" },
    { says: "would it, and why?", argv: "audit restart --dry-run" },
  ],
  async run(context, { dryRun }) {
    const log = readAudit(context);
    if (!log.ok) return log;
    const problems = log.data.problems.map(({ line, problem }) => `line ${line} ${problem}`);
    if (problems.length === 0) return fail("usage", "The audit log is intact and can be continued. There is nothing to set aside.");
    if (dryRun) return succeed({ dryRun: true as const, problems });
    const restarted = await restartAudit(context);
    if (!restarted.ok) return restarted;
    const { aside, entry } = restarted.data;
    return succeed({ problems, aside, sha256: entry.facts["sha256"] });
  },
  render: ({ dryRun, problems, aside, sha256 }, layout) => [
    dryRun ? "Nothing was changed. The log would be set aside." : "A new audit log has begun.",
    ...problems.flatMap((problem) => field(layout, "problem", problem)),
    ...(aside ? field(layout, "old log", aside) : []),
    ...(sha256 ? field(layout, "its SHA-256", sha256) : []),
  ],
});
