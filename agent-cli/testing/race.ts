/** One of several processes that change the state directory at once: appends so many entries to the audit log. */
import { record } from "../records/audit-log.ts";
import { contextFor } from "../runtime/context.ts";
import { processIo } from "../runtime/io.ts";

/** To be run by node, with a name and a number. */
export const RACER = import.meta.filename;

if (import.meta.main) {
  const [name = "", count = "1"] = process.argv.slice(2);
  const context = contextFor(processIo(), [], true);
  for (let i = 0; i < Number(count); i++) {
    const written = await record(context, "requested", { by: name, i: String(i) });
    if (!written.ok) throw new Error(written.error.message);
  }
}
