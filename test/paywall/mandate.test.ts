/** A merchant that knows nothing of mandates beyond its own origin sells to agents that pay under them. */

import { beforeEach, describe, expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { type Mandate, mandateDigest, type SignedMandate } from "../../shared/protocol/mandate.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { newMandate, underMandate } from "../signed.ts";
import { createWorld, ORIGIN, PRICE, receiptOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => void (world = await createWorld()));

const FLOWS = ["authorization", "upfront"] as const;

function grant(changes: Partial<Mandate> = {}): Promise<SignedMandate> {
  const { owner, agent } = world.people;
  const payees: Mandate["payees"] = [DEMO_MERCHANT_ACCOUNT];
  // By the ledger's clock, which stands still: a second later it would be younger than a revocation of all.
  const grantedAt = String(world.clock.now);
  return newMandate(owner, agent, world.ledger.info().ledger, { payees, total: "1000000" as Amount, grantedAt, ...changes });
}

const asAgent = (approval: PaymentPayload, mandate: SignedMandate, origin = ORIGIN) =>
  underMandate(approval, mandate, world.people.agent, origin);

describe.each(FLOWS)("flow %s", (flow) => {
  test("sells for a payment under a mandate, once, whether it is approved as well or not", async () => {
    let runs = 0;
    const shop = world.shop((c) => c.text(`goods ${++runs}`), { flow });
    const approval = await shop.approved("/item/1");
    const payment = await asAgent(approval, await grant());
    const paid = await shop.pay("/item/1", payment);
    expect([verdict(paid), await paid.text(), receiptOf(paid)?.payer]).toEqual(["200", "goods 1", world.people.owner.account]);
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
    expect(verdict(await shop.pay("/item/1", approval))).toBe("402 nonce_replayed");
    expect([runs, world.spent()]).toEqual([1, BigInt(PRICE)]);
  });

  test("says which limit is exceeded and, of a period, when it is over", async () => {
    const shop = world.shop((c) => c.text("goods"), { flow });
    const mandate = await grant({ period: { seconds: "3600", amount: "1000000" as Amount, count: "1" } });
    expect(verdict(await shop.pay("/item/1", await asAgent(await shop.approved("/item/1"), mandate)))).toBe("200");
    const refused = await shop.pay("/item/2", await asAgent(await shop.approved("/item/2"), mandate));
    expect(verdict(refused)).toBe("402 mandate_exceeded");
    const renewsAt = Number(mandate.mandate.validAfter) + 3600;
    expect(receiptOf(refused)).toMatchObject({ success: false, extra: { limit: "count", renewsAt } });
    const wait = Number(refused.headers.get("Retry-After"));
    expect(wait).toBeGreaterThan(3500);
    expect(wait).toBeLessThanOrEqual(3600);

    const small = await grant({ perPayment: "9999" as Amount });
    const tooDear = await shop.pay("/item/3", await asAgent(await shop.approved("/item/3"), small));
    expect(receiptOf(tooDear)).toMatchObject({ success: false, errorReason: "mandate_exceeded", extra: { limit: "per_payment" } });
    expect(tooDear.headers.has("Retry-After")).toBe(false);
  });

  test("refuses a payment for another origin, whatever the mandate allows", async () => {
    const shop = world.shop((c) => c.text("goods"), { flow });
    const payment = await asAgent(await shop.approved("/item/1"), await grant({ origins: ["*"] }), "https://shop.example");
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 binding_mismatch");
    expect(world.spent()).toBe(0n);
  });

  test("gives no goods for a mandate that was revoked, nor for one of another payee", async () => {
    let runs = 0;
    const shop = world.shop((c) => c.text(`goods ${++runs}`), { flow });
    const mandate = await grant();
    const { from } = mandate.mandate;
    world.ledger.revoke({ payer: from, mandate: mandateDigest(mandate.mandate), revokedAt: world.clock.now }, world.clock.now);
    expect(verdict(await shop.pay("/item/1", await asAgent(await shop.approved("/item/1"), mandate)))).toBe("402 mandate_revoked");
    const other = await grant({ payees: [from] });
    expect(verdict(await shop.pay("/item/2", await asAgent(await shop.approved("/item/2"), other)))).toBe("402 mandate_mismatch");
    expect([runs, world.spent(), world.held()]).toEqual([0, 0n, "0"]);
  });
});

test("a mandate that is revoked while the handler runs pays for the work that was begun, and for no more", async () => {
  const mandate = await grant();
  const revoke = () => world.ledger.revoke({ payer: mandate.mandate.from, mandate: "*", revokedAt: world.clock.now }, world.clock.now);
  const shop = world.shop((c) => {
    expect(revoke()).toMatchObject({ ok: true, underWay: { payments: 1, value: PRICE } });
    return c.text("goods");
  });
  expect(verdict(await shop.pay("/item/1", await asAgent(await shop.approved("/item/1"), mandate)))).toBe("200");
  expect(verdict(await shop.pay("/item/2", await asAgent(await shop.approved("/item/2"), mandate)))).toBe("402 mandate_revoked");
  expect(world.spent()).toBe(BigInt(PRICE));
});
