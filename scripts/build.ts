/** `npm run build`: the library, the CLI, and the Workers that the CLI's demo boots. */

import { buildCli } from "./build-cli.ts";
import { buildLibrary } from "./build-library.ts";
import { buildWorkers } from "./build-workers.ts";

buildLibrary();
await buildWorkers();
await buildCli("dist");
