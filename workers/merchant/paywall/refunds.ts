/**
 * `lez-agent-pay/hono/refunds`: the merchant's memory, which also gives back what was paid and not delivered. Export it as `Deliveries` in
 * place of that of `lez-agent-pay/hono/deliveries`; both read what the other wrote.
 */

import { Deliveries as Memory, type GiveBack } from "./memory/deliveries.ts";
import { giveBack } from "./refunder/give-back.ts";
import { refunderOf } from "./refunder/refunder.ts";
import { stateToTell, tellRefund } from "./refunder/tell-refund.ts";

export class Deliveries extends Memory {
  protected override readonly giveBack: GiveBack = async (refunds, key, now) => {
    const row = await giveBack(refunds, refunderOf(this.env), key, now);
    if (!row) return false;
    const state = stateToTell(row);
    if (state !== undefined && row.told !== state && (await tellRefund(this.env, row))) refunds.tell(key, state);
    return true;
  };
}
