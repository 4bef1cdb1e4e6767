/** The one spelling of evidence, of either version. */

import { utf8 } from "../crypto/bytes.ts";
import { type CallEvidence, callEvidenceSchema } from "./call-evidence.ts";
import { type Evidence, evidenceSchema } from "./evidence.ts";

/**
 * Members in the order of the schema, indented by two, a line feed at the end. What is not spelled like this is not evidence, so that no
 * byte of a file is without meaning.
 */
export function serializeEvidence(evidence: Evidence | CallEvidence): Uint8Array {
  const ordered = evidence.version === "1" ? evidenceSchema.parse(evidence) : callEvidenceSchema.parse(evidence);
  return utf8(`${JSON.stringify(ordered, null, 2)}\n`);
}
