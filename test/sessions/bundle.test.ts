import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bundleWorker } from "../../scripts/build-workers.ts";

test("a shop that does not import the entry for sessions bundles nothing of it [sessions-bundle]", async () => {
  const { bytesOf } = await bundleWorker(fileURLToPath(new URL("../workerd/counting-merchant.ts", import.meta.url)));
  const bundled = Object.entries(bytesOf).filter(([file, bytes]) => /\/sessions\/|batch-settlement/.test(file) && bytes > 0);
  expect(bundled.map(([file]) => file)).toEqual([]);
});
