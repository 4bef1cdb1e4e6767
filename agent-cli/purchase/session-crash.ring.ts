/** `npm run crash`: kill -9 before each step of a call in a session. No voucher leaves that the session's file does not know. */

import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { EXIT } from "../runtime/exit-codes.ts";
import { BIN, preload } from "../testing/built.ts";
import { KILL_AT } from "../testing/kill-at.ts";
import { sessionWorld } from "../testing/session-world.ts";

const { box, shop, fetched, open, kept, vouchers } = await sessionWorld();

function killedAt(n: number, url: string): Promise<boolean> {
  const argv = ["--import", preload("kill-at"), BIN, "fetch", url];
  const child = spawn(process.execPath, argv, { cwd: box.directory, stdio: "ignore", env: { ...box.env, [KILL_AT]: String(n) } });
  return new Promise((resolve) => child.on("exit", (_, signal) => resolve(signal === "SIGKILL")));
}

test("each voucher that left is on disk, and the same request never gets a second one while the first is open [session-crash]", async () => {
  await open();
  let steps = 0;
  let killed = true;
  for (let n = 1; killed; n++) {
    const before = vouchers().length;
    killed = await killedAt(n, `${shop.url}?n=${n}`);
    if (killed) steps = n;
    const [sent] = vouchers().slice(before);
    const known = kept().lanes.some(({ id, serial }) => id === sent?.lane && Number(serial) >= Number(sent.serial));
    expect([n, sent === undefined || known]).toEqual([n, true]);
    const again = await fetched(`?n=${n}`);
    // Served before and its answer lost, or served now: never both.
    expect([n, again.exit]).toEqual([n, expect.toBeOneOf([EXIT.ok, EXIT.paymentRejected])]);
    const paid = vouchers().slice(before);
    const serials = new Set(paid.map(({ lane, serial }) => `${lane}:${serial}`));
    // The last run is not killed, so the second one is another call.
    if (killed && again.exit === EXIT.paymentRejected) expect([n, serials.size]).toEqual([n, 1]);
  }
  expect(steps).toBeGreaterThanOrEqual(6);
  const sums = kept().lanes.reduce((sum, { charged }) => sum + Number(charged), 0);
  expect(sums).toBe(shop.served * 10);
});
