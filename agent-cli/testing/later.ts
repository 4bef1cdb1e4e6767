/** Preloaded into a spawned CLI (`node --import`): each SIGUSR2 moves its clock on by an hour, and it says so. */

import { LATER } from "./built.ts";

const now = Date.now.bind(Date);
let ahead = 0;
Date.now = () => now() + ahead;
process.on("SIGUSR2", () => {
  ahead += 3_600_000;
  process.stderr.write(LATER);
});
