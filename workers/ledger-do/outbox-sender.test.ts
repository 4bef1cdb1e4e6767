import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Batch, Received } from "../../shared/ledger/stream.ts";
import { idOf } from "../../shared/ledger/testing/ledger.ts";
import {
  BATCHES_PER_DELIVERY,
  DELIVERY_DELAY_MILLIS,
  DELIVERY_RETRY_SECONDS,
  DELIVERY_TIMEOUT_SECONDS,
  MAX_DELIVERY_RETRY_SECONDS,
} from "../../shared/limits.ts";
import { unixNow } from "../../shared/time.ts";
import { OutboxSender } from "./outbox-sender.ts";

beforeEach(() => void vi.useFakeTimers({ now: 2_000_000_000_000 }));
afterEach(() => vi.useRealTimers());

const NEVER = new Promise<Received>(() => undefined);
const REFUSED = { ok: false, fault: "halted" } as const;

/** A shard with as many credits for others as a test says, one per batch. `sent`: the shard, and the number of the credit. */
function owing(answer: (batch: Batch) => Promise<Received> | Received = ({ after }) => ({ ok: true, mark: after + 1, head: idOf(0) })) {
  const owed = new Map<number, number>();
  const marks = new Map<number, number>();
  const sent: string[] = [];
  const markOf = (to: number) => marks.get(to) ?? 0;
  const source = {
    nextBatch: (to: number): Batch | undefined =>
      markOf(to) < (owed.get(to) ?? 0) ? { ledger: idOf(0), from: 0, to, after: markOf(to), head: idOf(0), credits: [] } : undefined,
    acknowledge: (to: number, received: Received) => {
      if (!received.ok) return false;
      marks.set(to, received.mark);
      return true;
    },
  };
  const sender = new OutboxSender(source, async (batch) => {
    sent.push(`${batch.to}: ${batch.after + 1}`);
    return answer(batch);
  });
  return { sent, route: (to: number) => sender.to(to), owe: (to: number) => owed.set(to, (owed.get(to) ?? 0) + 1) };
}

const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);

describe("a delivery", () => {
  test("starts after a short delay, once for all calls of that time", async () => {
    const { route, owe, sent } = owing();
    for (let i = 0; i < 3; i++) {
      owe(1);
      route(1).soon();
    }
    await vi.advanceTimersByTimeAsync(DELIVERY_DELAY_MILLIS - 1);
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toEqual(["1: 1", "1: 2", "1: 3"]);
    owe(1);
    route(1).soon();
    await pass(1);
    expect(sent).toHaveLength(4);
  });

  test("is one at a time; calls during it share the next one", async () => {
    const answers: PromiseWithResolvers<Received>[] = [];
    const { route, owe, sent } = owing(() => {
      const answer = Promise.withResolvers<Received>();
      answers.push(answer);
      return answer.promise;
    });
    owe(1);
    const over: string[] = [];
    void route(1)
      .run()
      .then(() => over.push("first"));
    await pass(0);
    void route(1)
      .run()
      .then(() => over.push("second"));
    void route(1)
      .run()
      .then(() => over.push("third"));
    await pass(0);
    expect(sent).toEqual(["1: 1"]);
    answers[0]?.resolve(REFUSED);
    await pass(0);
    expect([sent, over]).toEqual([["1: 1", "1: 1"], ["first"]]);
    answers[1]?.resolve({ ok: true, mark: 1, head: idOf(0) });
    await pass(0);
    expect([sent, over]).toEqual([
      ["1: 1", "1: 1"],
      ["first", "second", "third"],
    ]);
  });

  test("ends, even if calls for another keep coming", async () => {
    const { route, owe, sent } = owing(async ({ after }) => {
      await pass(0.06);
      return { ok: true, mark: after + 1, head: idOf(0) };
    });
    const pays = () => {
      owe(1);
      void route(1).run();
    };
    const traffic = setInterval(pays, 10);
    pays();
    await route(1).run();
    clearInterval(traffic);
    expect(sent.length).toBeLessThanOrEqual(2 * BATCHES_PER_DELIVERY);
  });

  test("that hangs delays no other, and times out", async () => {
    const { route, owe, sent } = owing(({ to, after }) => (to === 1 ? NEVER : { ok: true, mark: after + 1, head: idOf(0) }));
    owe(1);
    owe(2);
    const hung = route(1).run();
    await route(2).run();
    expect(sent).toEqual(["1: 1", "2: 1"]);
    await pass(DELIVERY_TIMEOUT_SECONDS);
    await hung;
    expect([route(1).isResting(unixNow()), route(2).isResting(unixNow())]).toEqual([true, false]);
  });
});

describe("the rest after a delivery that failed", () => {
  /** Seconds of the rest after each of so many failures in a row. */
  async function rests(route: ReturnType<OutboxSender["to"]>, failures: number): Promise<number[]> {
    const rests: number[] = [];
    while (rests.length < failures) {
      await route.run();
      const rest = route.retryAt(unixNow()) - unixNow();
      rests.push(rest);
      await pass(rest - 1);
      expect(route.isResting(unixNow())).toBe(true);
      await pass(1);
      expect(route.isResting(unixNow())).toBe(false);
    }
    return rests;
  }

  test.each<[string, () => Promise<Received> | Received]>([
    ["cannot be reached", () => Promise.reject(new Error("gone"))],
    ["has halted", () => REFUSED],
    ["answers that the batch is not for it", () => ({ ok: false, fault: "not_mine" })],
  ])("doubles up to a minute while the shard %s", async (_, answer) => {
    const { route, owe } = owing(answer);
    owe(1);
    expect(await rests(route(1), 6)).toEqual([DELIVERY_RETRY_SECONDS, 10, 20, 40, MAX_DELIVERY_RETRY_SECONDS, MAX_DELIVERY_RETRY_SECONDS]);
  });

  test("holds back the deliveries of payments, and no delivery that a caller waits for", async () => {
    const { route, owe, sent } = owing(() => REFUSED);
    owe(1);
    await route(1).run();
    route(1).soon();
    await pass(DELIVERY_RETRY_SECONDS - 1);
    expect(sent).toHaveLength(1);
    await route(1).run();
    expect(sent).toHaveLength(2);
  });

  test("is reset by a delivery that arrives", async () => {
    let answer: Received = REFUSED;
    const { route, owe } = owing(() => answer);
    owe(1);
    await rests(route(1), 3);
    answer = { ok: true, mark: 1, head: idOf(0) };
    await route(1).run();
    expect(route(1).retryAt(unixNow())).toBe(unixNow() + DELIVERY_RETRY_SECONDS);
  });

  test("does not follow a delivery that arrived but left credits over", async () => {
    const { route, owe, sent } = owing();
    for (let i = 0; i <= BATCHES_PER_DELIVERY; i++) owe(1);
    await route(1).run();
    expect(sent).toHaveLength(BATCHES_PER_DELIVERY);
    expect(route(1).isResting(unixNow())).toBe(false);
    await route(1).run();
    expect(sent).toHaveLength(BATCHES_PER_DELIVERY + 1);
  });
});
