/**
 * All that needs the curve. It is loaded by the first call that needs it, because to evaluate it costs a start of the Worker more than all of the
 * rest: a Worker that is not configured never does.
 */

export { askNetwork, fingerprintOf } from "../../shared/sequencer/fingerprint.ts";
export { chainReader } from "../../shared/sequencer/chain-reader.ts";
export { NativeFacilitator } from "./mechanism.ts";
