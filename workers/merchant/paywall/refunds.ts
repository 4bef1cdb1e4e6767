/**
 * `lez-agent-pay/hono/refunds`: the merchant's memory, which also gives back what was paid and not delivered. Export it as `Deliveries` in
 * place of that of `lez-agent-pay/hono/deliveries`; both read what the other wrote.
 */

import { Deliveries as Memory } from "./memory/deliveries.ts";
import { refunderOf } from "./refunder/refunder.ts";

export class Deliveries extends Memory {
  protected override readonly refunder = refunderOf(() => this.env);
}
