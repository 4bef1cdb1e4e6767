/** `npm run build`: the library, the CLI, the page of the explorer, the Workers that the CLI's stack boots with the page of the desk, and the Worker of the test kit. */

import { buildCli } from "./build-cli.ts";
import { buildExplorer } from "./build-explorer.ts";
import { buildLibrary } from "./build-library.ts";
import { buildTestLedgers, buildWorkers } from "./build-workers.ts";

buildLibrary();
await buildWorkers();
await buildTestLedgers();
await buildExplorer();
await buildCli("dist");
