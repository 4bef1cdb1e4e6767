/** `npm run build`: the library, the CLI, the page of the desk, the Workers that the CLI's demo boots, and the Worker of the test kit. */

import { buildCli } from "./build-cli.ts";
import { buildDesk } from "./build-desk.ts";
import { buildLibrary } from "./build-library.ts";
import { buildTestLedgers, buildWorkers } from "./build-workers.ts";

buildLibrary();
await buildWorkers();
await buildTestLedgers();
await buildDesk();
await buildCli("dist");
