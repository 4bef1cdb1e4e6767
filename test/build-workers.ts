/** Vitest's global setup: the Workers' bundles are made once, from the sources that are tested. */
import { buildWorkers } from "../scripts/build-workers.ts";

export default async function setup(): Promise<void> {
  await buildWorkers();
}
