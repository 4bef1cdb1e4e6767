/** The whole system over a ledger of four objects. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Buyer } from "../../agent-cli/demo/buyer.ts";
import { startStack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES } from "../../scripts/build-workers.ts";
import type { LedgerAudit } from "../../shared/ledger/consolidate.ts";
import { verdict } from "./stack.ts";

test("sells and accounts as with one, and is refused with another number of shards", async () => {
  const persist = await mkdtemp(join(tmpdir(), "lez-shards-"));
  try {
    const stack = await startStack({ bundles: BUNDLES, persist, shards: 4 });
    const merchantPort = Number(new URL(stack.merchant).port);
    const audit = async () => (await (await fetch(`${stack.facilitator}/ledger/audit`)).json()) as LedgerAudit;
    const buyers = await Promise.all(Array.from({ length: 6 }, () => Buyer.create(stack)));
    const premium = { url: `${stack.merchant}/premium` };
    for (const buyer of buyers) {
      await buyer.fund();
      const payment = await buyer.approved(premium);
      expect(verdict(await buyer.send(premium, payment))).toBe("200");
      expect(verdict(await buyer.send(premium, payment))).toBe("402 nonce_replayed");
      expect((await buyer.balances()).owner).toEqual({ balance: 990_000n, held: 0n });
    }
    await expect.poll(audit, { timeout: 10_000 }).toMatchObject({ ok: true, conclusive: true, inFlight: "0", shards: 4 });
    expect((await buyers[0]?.balances())?.merchant).toEqual({ balance: 60_000n, held: 0n });
    await stack.stop();

    await expect(startStack({ bundles: BUNDLES, persist, shards: 8, merchantPort })).rejects.toThrow();
    await expect(startStack({ bundles: BUNDLES, persist, merchantPort })).rejects.toThrow();
    const again = await startStack({ bundles: BUNDLES, persist, shards: 4, merchantPort });
    expect(again.ledger).toBe(stack.ledger);
    await again.stop();
  } finally {
    await rm(persist, { recursive: true, force: true });
  }
});
