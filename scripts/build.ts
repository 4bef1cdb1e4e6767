/** `npm run build`: the library, the CLI, the pages of the desk and the explorer, the Workers that the CLI's demo boots, and the Worker of the test kit. */

import { buildCli } from "./build-cli.ts";
import { buildDesk } from "./build-desk.ts";
import { buildExplorer } from "./build-explorer.ts";
import { buildLibrary } from "./build-library.ts";
import { buildTestLedgers, buildWorkers } from "./build-workers.ts";

buildLibrary();
await buildWorkers();
await buildTestLedgers();
await buildDesk();
await buildExplorer();
await buildCli("dist");
