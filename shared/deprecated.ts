/** Public names of earlier versions. They keep working; our own code uses the new ones. */
import { serializeEvidence } from "./evidence/evidence.ts";

/** @deprecated Use `serializeEvidence`. */
export const spellEvidence = serializeEvidence;
