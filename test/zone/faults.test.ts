/** One purchase at a sequencer with one fault: what its facilitator answers, and what became of the money. */

import { sha256 } from "@noble/hashes/sha2.js";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { lezAccountOfBytes } from "../../shared/zone/account.ts";
import type { Finality, LanePayment } from "../../shared/zone/lane-row.ts";
import type { LaneAnswer } from "../../shared/zone/lane-table.ts";
import { CALM, Network, NoAnswer } from "../simulation/network.ts";
import { Oracle } from "./oracle.ts";
import { Facilitator, START } from "./people.ts";
import { GENUINE } from "./run.ts";
import { BLOCK_MILLIS, SimulatedSequencer, TRANSFER_BYTES } from "./sequencer.ts";

const account = (name: string) => lezAccountOfBytes(sha256(utf8(name)));
const [PAYER, SHOP] = [account("payer"), account("shop")];
const FUNDS = new Map([[PAYER, 50_000n]]);
const MAX_FEE = TRANSFER_BYTES * 20n;
/** When the payment is presented, after a few blocks, in milliseconds. */
const PRESENTED = 12_000;
const PATIENCE = 120_000;

/** A chain with a block every five seconds, one facilitator, and one who pays. */
class World {
  readonly network = new Network(1);
  readonly sequencer = new SimulatedSequencer(this.network, FUNDS);
  readonly oracle = new Oracle(this.sequencer);
  readonly facilitator = new Facilitator("facilitator", {
    network: this.network,
    sequencer: this.sequencer,
    oracle: this.oracle,
    code: GENUINE,
  });
  /** Each answer that differs from the one before. */
  readonly answers: string[] = [];
  readonly #payer = { name: "payer", up: true, life: 0, skew: 0, stop: () => undefined, start: () => undefined };

  constructor() {
    this.network.weather = CALM;
    this.#mineForever();
  }

  transfer(name = "purchase", value = 1000n) {
    return this.sequencer.sign({ from: PAYER, to: SHOP, value, nonce: 0n, maxFee: MAX_FEE }, name);
  }

  /** Presents the payment until it is decided, or the payer's patience ends. @param at milliseconds from now */
  present(finality: Finality = "head", transfer = this.transfer(), at = PRESENTED): void {
    const { h, transaction, wire, from: payer, to: payee, value, nonce, maxFee } = transfer;
    const facts = { fingerprint: "purchase", finality, validBefore: START + 600 };
    const payment: LanePayment = { h, transaction, wire, payer, payee, value, nonce, maxFee, ...facts };
    this.network.after(at, () => void this.#present(payment));
  }

  /** @param millis from the moment at which the payment is presented */
  later(millis: number, fault: () => void): void {
    this.network.after(PRESENTED + millis, fault);
  }

  /** As soon as the first bytes have arrived, before their answer leaves. */
  onFirstSend(fault: () => void): void {
    const { sequencer } = this;
    const send = sequencer.send.bind(sequencer);
    sequencer.send = (wire, sender) => {
      sequencer.send = send;
      fault();
      return send(wire, sender);
    };
  }

  async run(until = PRESENTED + PATIENCE) {
    await this.network.run(until);
    const { answers, oracle, sequencer } = this;
    const paid = sequencer.account(SHOP).balance;
    return { answers, paid, sends: oracle.told.sends, violations: oracle.violations };
  }

  async #present(payment: LanePayment): Promise<void> {
    const { facilitator, network } = this;
    for (;;) {
      const said = await network
        .call(this.#payer, facilitator, () => facilitator.settle(payment, "a settlement", TRANSFER_BYTES * this.sequencer.baseFee))
        .catch((error: unknown) => {
          if (error instanceof NoAnswer) return { answer: "no answer" } as const;
          throw error;
        });
      const word = wordOf(said);
      if (this.answers.at(-1) !== word) this.answers.push(word);
      if (!AGAIN.has(word)) return;
      await network.sleep(this.#payer, 1000);
    }
  }

  #mineForever(): void {
    this.network.after(BLOCK_MILLIS, () => {
      this.sequencer.mine();
      this.#mineForever();
    });
  }
}

const AGAIN = new Set(["pending", "unavailable", "no answer", "overloaded", "insufficient_funds", "nonce_ahead"]);

function wordOf(said: LaneAnswer | { answer: "unavailable" | "no answer" }): string {
  return "code" in said ? said.code : said.answer;
}

const PAID = { answers: ["pending", "receipt"], paid: 1000n, violations: [] };

describe("a sequencer that", () => {
  test("has no fault: pending, a receipt, one send", async () => {
    const world = new World();
    world.present();
    expect(await world.run()).toEqual({ ...PAID, sends: 1 });
  });

  test("drops what it queued: the same bytes are sent again, and pay [zone-drops]", async () => {
    const world = new World();
    world.present();
    world.later(1500, () => world.sequencer.dropNext());
    expect(await world.run()).toEqual({ ...PAID, sends: 2 });
  });

  test("queues a copy twice: one inclusion, one receipt [zone-duplicates]", async () => {
    const world = new World();
    const transfer = world.transfer();
    world.present("head", transfer);
    world.later(1500, () => void world.sequencer.send(transfer.wire, "the network"));
    expect(await world.run()).toEqual({ ...PAID, sends: 1 });
    expect(world.sequencer.inclusions.size).toBe(1);
  });

  test("answers each call late, so that some answers are lost: pending, then a receipt [zone-delays]", async () => {
    const world = new World();
    world.present();
    world.onFirstSend(() => void (world.network.weather = { ...CALM, delay: [2100, 2600] }));
    world.later(60_000, () => void (world.network.weather = CALM));
    const { answers, paid, violations } = await world.run();
    expect([answers.at(-1), paid, violations]).toEqual(["receipt", 1000n, []]);
    expect(new Set(answers.slice(0, -1))).toEqual(new Set(["no answer", "pending"]));
  });

  test("takes another transfer of the nonce first: never a refusal before that one is final [zone-reorders]", async () => {
    const world = new World();
    const other = world.transfer("another", 1n);
    world.present();
    world.later(1500, () => {
      world.sequencer.send(other.wire, "the payer");
      world.sequencer.reorder();
    });
    world.later(20_000, () => expect(world.answers).toEqual(["pending"]));
    expect(await world.run()).toEqual({ answers: ["pending", "nonce_replayed"], paid: 1n, sends: 1, violations: [] });
  });

  test.each([1, 2, 3, 4, 5])(
    "takes %d blocks back: the receipt is undone aloud, and the payment paid again [zone-orphans]",
    async (blocks) => {
      const world = new World();
      world.present();
      world.later(5000 * blocks + 2500, () => world.sequencer.orphan(blocks));
      const run = await world.run();
      expect(run).toMatchObject({ answers: ["pending", "receipt"], paid: 1000n, violations: [] });
      expect(world.oracle.told.undone).toBe(1);
      world.facilitator.judge();
      expect(world.oracle.violations).toEqual([]);
    },
  );

  test("restarts and has lost its queue: the same bytes are sent again, and pay [zone-restarts]", async () => {
    const world = new World();
    world.present();
    world.later(1500, () => world.network.crash(world.sequencer));
    const { sends, ...run } = await world.run();
    expect([run, sends > 1]).toEqual([PAID, true]);
  });

  test("is reset: `ledger_mismatch`, and nothing is sent to the new chain [zone-resets]", async () => {
    const world = new World();
    world.present();
    world.later(1500, () => {
      world.oracle.reset();
      world.sequencer.reset(FUNDS);
    });
    expect(await world.run()).toEqual({ answers: ["pending", "ledger_mismatch"], paid: 0n, sends: 1, violations: [] });
    world.facilitator.judge();
    expect([world.oracle.told.void, world.oracle.violations]).toEqual([1, []]);
  });

  test.each([
    ["loses its answer to a send, or answers HTML", "no_answer"],
    ["names another transaction than was sent", "foreign_id"],
  ] as const)("%s: pending, and the inclusion decides [zone-loses-answer]", async (_, lie) => {
    const world = new World();
    world.present();
    world.onFirstSend(() => void (world.sequencer.lie = lie));
    world.later(4000, () => void (world.sequencer.lie = undefined));
    const { answers, paid, violations } = await world.run();
    expect([answers.at(-1), paid, violations]).toEqual(["receipt", 1000n, []]);
    expect(answers).not.toContain("overloaded");
  });

  test("has no room: `overloaded`, nothing has left, and the same payment is taken later [zone-fills]", async () => {
    const world = new World();
    world.sequencer.full = true;
    world.present();
    world.later(20_000, () => {
      expect(world.answers).toContain("overloaded");
      expect(world.sequencer.queued.size).toBe(0);
      world.sequencer.full = false;
    });
    const { answers, paid, violations } = await world.run();
    expect([answers.at(-1), paid, violations]).toEqual(["receipt", 1000n, []]);
  });

  test.each([
    ["bad_block", "pending"],
    ["unlinked", "pending"],
    ["high", "receipt"],
    ["low", "receipt"],
  ] as const)("lies about blocks (%s): nothing is refused; a false block proves nothing [zone-lies]", async (lie, meanwhile) => {
    const world = new World();
    world.present();
    world.later(2000, () => void (world.sequencer.lie = lie));
    world.later(30_000, () => {
      expect(world.answers.at(-1)).toBe(meanwhile);
      world.sequencer.lie = undefined;
    });
    expect(await world.run()).toMatchObject(PAID);
  });

  test.each([-3600, 86_400, 365 * 86_400])("sets its clock by %d seconds: paid all the same [zone-clock]", async (seconds) => {
    const world = new World();
    world.present();
    world.later(1500, () => void (world.sequencer.clock = seconds));
    expect(await world.run()).toEqual({ ...PAID, sends: 1 });
  });
});

describe("a sequencer that lies about an account", () => {
  test("says less than there is, or another nonce: a refusal, and nothing has left [zone-says-less]", async () => {
    const lies = [
      ["insufficient_funds", ({ nonce }: { nonce: bigint }) => ({ nonce, balance: 0n })],
      ["nonce_ahead", ({ balance }: { balance: bigint }) => ({ nonce: -1n, balance })],
      ["nonce_replayed", ({ balance }: { balance: bigint }) => ({ nonce: 1n, balance })],
    ] as const;
    for (const [code, saysOfAccounts] of lies) {
      const world = new World();
      world.sequencer.saysOfAccounts = saysOfAccounts;
      world.present();
      const { answers, ...run } = await world.run();
      expect(new Set(answers.filter((word) => word !== "unavailable"))).toEqual(new Set([code]));
      expect(run).toEqual({ paid: 0n, sends: 0, violations: [] });
    }
  });

  test("says another nonce once the bytes have left: it stays pending, and is paid [zone-says-used]", async () => {
    const world = new World();
    world.present();
    world.later(1500, () => {
      world.sequencer.dropNext();
      world.sequencer.saysOfAccounts = ({ balance }) => ({ nonce: 1n, balance });
    });
    world.later(60_000, () => {
      expect(world.answers).toEqual(["pending"]);
      world.sequencer.saysOfAccounts = undefined;
    });
    expect(await world.run()).toEqual({ ...PAID, sends: 2 });
  });

  test("says more than there is: it is believed, and a transfer that moved nothing has a receipt [zone-says-more]", async () => {
    const world = new World();
    world.sequencer.saysOfAccounts = ({ nonce }) => ({ nonce, balance: 10n ** 12n });
    world.present("head", world.transfer("too much", 60_000n));
    const { answers, paid, violations } = await world.run();
    expect([answers.at(-1), paid]).toEqual(["receipt", 0n]);
    expect(violations).toEqual([expect.stringContaining("a receipt for a payment that was reverted")]);
  });
});
