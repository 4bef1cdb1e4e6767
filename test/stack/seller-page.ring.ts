/** The seller's page over real Workers: a sale is on it, for the holder of the key alone. */

import { expect, test } from "vitest";
import { SELLER_KEY } from "../paywall/seller-register.ts";
import { useStack } from "./stack.ts";

const world = useStack({ vars: { "lez-merchant": { SELLER_KEY } } });

test("the demo merchant shows its seller what it sold, and as a file", async () => {
  const buyer = await world.buyer();
  const request = { url: `${world.stack.merchant}/premium` };
  expect((await buyer.send(request, await buyer.approved(request))).status).toBe(200);
  const ask = (query: string, authorization: string) =>
    fetch(`${world.stack.merchant}/seller${query}`, { headers: { Authorization: authorization } });
  const basic = `Basic ${btoa(`seller:${SELLER_KEY}`)}`;
  expect((await ask("", "Bearer another")).status).toBe(401);
  // Sales are recorded after their answers.
  await expect.poll(async () => (await ask("", basic)).text(), { timeout: 30_000 }).toContain("GET /premium");
  expect(await (await ask("?format=csv", `Bearer ${SELLER_KEY}`)).text()).toMatch(/"GET \/premium","10000","0.00001","delivered"/);
});
