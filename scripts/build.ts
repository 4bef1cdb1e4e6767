/** `npm run build`: the library, the CLI, the Workers that the CLI's demo boots, and the Worker of the test kit. */

import { buildCli } from "./build-cli.ts";
import { buildLibrary } from "./build-library.ts";
import { buildTestLedgers, buildWorkers } from "./build-workers.ts";

buildLibrary();
await buildWorkers();
await buildTestLedgers();
await buildCli("dist");
