/** An account's statement: opening balance, every kind of movement, closing balance. */

import { INCOMING, type Movement, type MovementKind, OUTGOING } from "./movement.ts";

export interface Sum {
  payments: number;
  value: bigint;
}

export type Statement = { opening: bigint; closing: bigint } & Record<MovementKind, Sum>;

export class Tally {
  readonly #sums = new Map<MovementKind, Sum>();

  add({ kind, value, payments }: Pick<Movement, "kind" | "value" | "payments">): void {
    const before = this.of(kind);
    this.#sums.set(kind, { payments: before.payments + payments, value: before.value + value });
  }

  of(kind: MovementKind): Sum {
    return this.#sums.get(kind) ?? { payments: 0, value: 0n };
  }

  /** What came in less what went out. */
  change(): bigint {
    return this.#total(INCOMING) - this.#total(OUTGOING);
  }

  #total(kinds: readonly MovementKind[]): bigint {
    return kinds.reduce((sum, kind) => sum + this.of(kind).value, 0n);
  }
}

/** @param opening the balance before the first movement @returns the balance after the last one follows from the movements alone */
export function statementOf(tally: Tally, opening: bigint): Statement {
  const sums = Object.fromEntries([...INCOMING, ...OUTGOING].map((kind) => [kind, tally.of(kind)])) as Record<MovementKind, Sum>;
  return { opening, closing: opening + tally.change(), ...sums };
}
