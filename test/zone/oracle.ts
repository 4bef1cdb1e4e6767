/** Compares what was answered, sent and stored with the books of the simulated sequencer. */

import { isOpen, type KnownRow, type LanePayment } from "../../shared/zone/lane-row.ts";
import type { LaneAnswer, LaneEffect } from "../../shared/zone/lane-table.ts";
import { FINAL_DEPTH, type SimulatedSequencer } from "./sequencer.ts";

export class Oracle {
  readonly violations: string[] = [];
  readonly told = { receipts: 0, refusals: 0, never: 0, undone: 0, inconclusive: 0, sends: 0, void: 0 };
  readonly #sequencer: SimulatedSequencer;
  /** By facilitator and message. */
  readonly #receipts = new Map<string, { payment: LanePayment; by: Set<string>; undone: boolean }>();
  readonly #ended = new Map<string, string>();
  #wasReset = false;

  constructor(sequencer: SimulatedSequencer) {
    this.#sequencer = sequencer;
  }

  reset(): void {
    this.#wasReset = true;
  }

  /** A facilitator told a client so. */
  answered(facilitator: string, payment: LanePayment, by: string, answer: LaneAnswer): void {
    const { h, finality } = payment;
    const key = `${facilitator} ${h}`;
    switch (answer.answer) {
      case "receipt": {
        this.told.receipts++;
        const receipt = this.#receipts.get(key) ?? { payment, by: new Set(), undone: false };
        this.#receipts.set(key, receipt);
        if (receipt.by.add(by).size > 1) this.#blame(`two purchases for one payment, ${key}`);
        const seen = this.#sequencer.inclusions.get(`${h} ${answer.inclusion.block.hash}`);
        if (!seen) return this.#blame(`a receipt for a payment that no block has, ${key}`);
        if (!seen.moved) this.#blame(`a receipt for a payment that was reverted, ${key}`);
        const asked = finality === "final" ? FINAL_DEPTH : finality === "head" ? 0 : Number(finality.slice("depth:".length));
        if (seen.depth < asked) this.#blame(`a receipt at depth ${seen.depth}, not ${finality}, ${key}`);
        return;
      }
      case "refused":
      case "cancelled":
        if (answer.money === "unmoved") {
          this.told.refusals++;
          if (this.#sequencer.queued.get(h)?.has(facilitator)) this.#blame(`"unmoved" of a payment that was queued, ${key}`);
        } else {
          this.told.never++;
          this.#ended.set(key, answer.answer);
        }
        if (answer.answer === "cancelled") this.#ended.set(key, answer.answer);
        return;
      case "pending":
      case "taken":
    }
  }

  /** A facilitator sends these bytes now. @param rows its durable rows */
  sends(facilitator: string, wire: string, rows: readonly KnownRow[]): void {
    this.told.sends++;
    const row = rows.find(({ payment }) => payment.wire === wire);
    if (row?.state !== "sending") return this.#blame(`bytes without a durable row, ${facilitator} ${wire}`);
    const ended = this.#ended.get(`${facilitator} ${row.payment.h}`);
    if (ended) this.#blame(`sent after "${ended}", ${facilitator} ${wire}`);
  }

  /** A lane stored something. */
  stored(facilitator: string, rows: readonly KnownRow[]): void {
    const open = rows.filter(
      (row) => isOpen(row) && row.collector === undefined && !row.alerted.includes("receipt_undone") && !row.revoked,
    );
    if (open.length > 1) this.#blame(`${open.length} open payments in one lane, ${facilitator}`);
    const settled = rows.filter((row) => row.state === "settled" && row.final).map(({ payment }) => payment.nonce);
    if (new Set(settled).size < settled.length) this.#blame(`one nonce paid twice, ${facilitator}`);
  }

  reported(facilitator: string, { h }: LanePayment, effect: LaneEffect): void {
    const receipt = this.#receipts.get(`${facilitator} ${h}`);
    if (effect.effect === "journal" && effect.entry === "receipt_undone") {
      this.told.undone++;
      if (receipt) receipt.undone = true;
    }
    if (effect.effect === "alert" && effect.alert === "final_undone") this.#blame(`a final block changed, ${facilitator} ${h}`);
  }

  /** When all is quiet. @param now unix seconds */
  judge(facilitator: string, rows: readonly KnownRow[], now: number): void {
    for (const row of rows) {
      if (this.#wasReset) this.#judgeReset(facilitator, row);
      else this.#judgeRow(facilitator, row, now);
    }
    if (this.#wasReset) return;
    for (const [key, { payment, undone }] of this.#receipts) {
      if (!key.startsWith(`${facilitator} `)) continue;
      const outcome = this.#sequencer.outcomeOf(payment.h);
      if (outcome?.moved) continue;
      if (payment.finality === "final") this.#blame(`a final receipt without money, ${key}`);
      else if (!undone) this.#blame(`a receipt was undone in silence, ${key}`);
    }
  }

  #judgeReset(facilitator: string, row: KnownRow): void {
    if (row.state === "void") this.told.void++;
    else if (isOpen(row) && row.state !== "leased") this.#blame(`${row.state} after a reset, ${facilitator} ${row.payment.h}`);
  }

  #judgeRow(facilitator: string, row: KnownRow, now: number): void {
    const { h, payer, nonce } = row.payment;
    const outcome = this.#sequencer.outcomeOf(h);
    const blame = (what: string) => this.#blame(`${row.state}, but ${what}: ${facilitator} ${h}`);
    switch (row.state) {
      case "leased":
        return blame("the lease is over");
      case "sending":
      case "sent":
        if (outcome?.final) blame("a final block has it");
        else if (this.#sequencer.isNonceUsed(payer, nonce)) blame("another message used its nonce, in a final block");
        return;
      case "included":
        if (!outcome) blame("no block has it");
        else if (!outcome.final) return;
        else if (row.alerted.includes("inconclusive")) this.told.inconclusive++;
        else blame("its block is final");
        return;
      case "settled":
        if (!outcome?.moved) blame("no money moved");
        else if (outcome.final && !row.final) blame("it does not know that the block is final");
        return;
      case "displaced":
        if (outcome) blame("a block has it");
        if (!this.#sequencer.isNonceUsed(payer, nonce)) blame("its nonce is not used in a final block");
        return;
      case "reverted":
        if (!outcome || outcome.moved) blame("it was not reverted");
        return;
      case "cancelled":
        if (outcome?.final && now < row.payment.validBefore) blame("a final block has it");
        return;
      case "void":
        blame("the chain was not reset");
    }
  }

  #blame(what: string): void {
    this.violations.push(what);
  }
}

/** What a run shows beside its violations. */
export type Told = Oracle["told"];
