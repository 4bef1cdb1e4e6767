/** Buys in workerd, the runtime of Workers, with the bindings of wrangler.toml. */

import { testShop } from "lez-agent-pay/testing";
import { expect, test } from "vitest";
import app from "../../index.ts";

test("sells the report", async () => {
  const shop = testShop(app);
  const buyer = await shop.buyer({ balance: "100000" });

  expect((await buyer.fetch("/report")).status).toBe(200);
  expect((await shop.balance()).balance).toBe("10000");
});

test("remembers in its Durable Object what it owes", async () => {
  const shop = testShop(app);
  const buyer = await shop.buyer({ balance: "100000" });
  const payment = await buyer.sign("/report");

  shop.fail("unknown");
  expect((await buyer.present(payment, "/report")).headers.get("X-Payment-Error")).toBe("settlement_pending");
  shop.recover();
  expect((await buyer.present(payment, "/report")).status).toBe(200);
});
