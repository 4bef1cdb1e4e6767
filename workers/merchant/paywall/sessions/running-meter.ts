/** What a handler charges while its answer flows: part by part, each checked as it is said, never more than the buyer signed. */

import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { MAX_USAGE_LINES } from "../../../../shared/limits.ts";
import type { Charge } from "../../../../shared/protocol/amount.ts";
import type { UsageLine } from "../../../../shared/protocol/usage.ts";
import type { PaymentRequirements } from "../../../../shared/x402/x402.ts";
import { chargeFault, type ChargeFault, type Meter, type Metered } from "../serve/charge.ts";
import type { Charged, PaymentContext } from "../types.ts";

/** Where the parts are accounted for, and who stops the stream. */
export interface MeterWorld {
  /** Called with each part once the answer has begun. Atomic units. */
  onCharge: (part: bigint) => void;
  /** The handler charged what it must not, while its answer flows. */
  onFault: (fault: ChargeFault) => void;
}

export class RunningMeter implements Meter {
  readonly #offer: PaymentRequirements;
  readonly #world: MeterWorld;
  readonly #usage = new Map<string, UsageLine>();
  #sum = 0n;
  #state: "before" | "flows" | "over" = "before";
  #fault: ChargeFault | undefined;

  constructor(offer: PaymentRequirements, world: MeterWorld) {
    this.#offer = offer;
    this.#world = world;
  }

  readonly charge: PaymentContext["charge"] = (part, usage) => {
    if (this.#state === "over") throw new ConfigurationError("charge: the answer is over");
    const fault = this.#fault ?? this.#faultOf(part, usage);
    if (fault) {
      const isFirst = !this.#fault;
      this.#fault = fault;
      if (isFirst && this.#state === "flows") this.#world.onFault(fault);
      throw fault.error;
    }
    this.#sum += BigInt(part);
    for (const line of usage ?? []) this.#count(line);
    if (this.#state === "flows") this.#world.onCharge(BigInt(part));
  };

  /** The answer begins. @returns what was charged before it */
  close(): Metered {
    if (this.#fault) return this.#fault;
    this.#state = "flows";
    return { ok: true, charged: this.charged };
  }

  /** The answer is over: what comes later is refused. */
  end(): Charged {
    this.#state = "over";
    return this.charged;
  }

  /** What the handler charged that it must not. */
  get fault(): ChargeFault | undefined {
    return this.#fault;
  }

  get charged(): Charged {
    const usage = [...this.#usage.values()];
    return { amount: String(this.#sum) as Charge, ...(usage.length > 0 && { usage }) };
  }

  #faultOf(part: string, usage: readonly UsageLine[] | undefined): ChargeFault | undefined {
    const fault = chargeFault(this.#offer, part, usage, this.#sum);
    if (fault) return fault;
    const kinds = new Set([...this.#usage.keys(), ...(usage ?? []).map(kindOf)]);
    if (kinds.size <= MAX_USAGE_LINES) return undefined;
    const error = new ConfigurationError(`charge: more than ${MAX_USAGE_LINES} kinds of usage do not fit into one receipt`);
    return { ok: false, code: "internal_error", error };
  }

  /** Lines of one unit and price become one. */
  #count(line: UsageLine): void {
    const { unit, price } = line;
    const known = BigInt(this.#usage.get(kindOf(line))?.quantity ?? 0);
    this.#usage.set(kindOf(line), { unit, price, quantity: String(known + BigInt(line.quantity)) });
  }
}

function kindOf({ unit, price }: UsageLine): string {
  return `${unit} ${price}`;
}
