import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bundleWorker } from "../../scripts/build-workers.ts";

test("a shop bundles nothing of the entries for sessions and the seller's page unless it imports them [sessions-bundle]", async () => {
  const { bytesOf } = await bundleWorker(fileURLToPath(new URL("../workerd/counting-merchant.ts", import.meta.url)));
  const bundled = Object.entries(bytesOf).filter(
    ([file, bytes]) => /\/sessions\/|batch-settlement|\/seller\/|seller-page/.test(file) && bytes > 0,
  );
  expect(bundled.map(([file]) => file)).toEqual([]);
});
