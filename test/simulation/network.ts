/**
 * Time, machines and the network between them, all under one seed. Nothing waits for the real world: a promise is
 * settled by the next event of the queue, so the code under test runs as it is, `await` and all.
 */

import { Random } from "./random.ts";

/** How hostile the world is. Probabilities per message or per event. */
export interface Weather {
  lost: number;
  duplicated: number;
  /** Milliseconds that a message takes. */
  delay: [min: number, max: number];
  /** A machine stops at this event, and comes back later. */
  crash: number;
  /** A machine's clock is set, forward or back. */
  clockJump: number;
}

export const STORM: Weather = { lost: 0.08, duplicated: 0.08, delay: [1, 400], crash: 0.01, clockJump: 0.01 };
export const CALM: Weather = { lost: 0, duplicated: 0, delay: [1, 20], crash: 0, clockJump: 0 };

/** Thrown by what a machine was doing when it stopped. */
export class Crashed extends Error {
  override name = "Crashed";
}

/** The caller waited long enough. What happened, if anything, it does not know. */
export class NoAnswer extends Error {
  override name = "NoAnswer";
}

const CALL_TIMEOUT_MILLIS = 2000;

export interface Machine {
  readonly name: string;
  up: boolean;
  /** Counts restarts: a caller from before a restart gets no answer. */
  life: number;
  /** Seconds by which its clock is wrong. */
  skew: number;
  stop(): void;
  start(): void;
}

export class Network {
  readonly random: Random;
  weather: Weather = STORM;
  readonly machines: Machine[] = [];
  /** Milliseconds since the simulation began. */
  now = 0;
  events = 0;
  crashes = 0;
  readonly #queue: { at: number; order: number; run: () => void }[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  after(millis: number, run: () => void): void {
    const event = { at: this.now + millis, order: this.events + this.#queue.length, run };
    const place = this.#queue.findLastIndex(({ at }) => at <= event.at);
    this.#queue.splice(place + 1, 0, event);
  }

  /** Resolves for as long as the machine that waits lives the same life. */
  sleep(machine: Machine, millis: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { life } = machine;
    this.after(millis, () => void (machine.life === life && resolve()));
    return promise;
  }

  /** Runs `work` at `to`, as a message there and an answer back. Either may be lost, late, doubled, or meet a dead machine. */
  call<T>(from: Machine, to: Machine, work: () => T | Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { life } = from;
    const answer = (deliver: () => void) => this.#send(() => void (from.life === life && deliver()));
    const arrive = () => {
      if (!to.up) return answer(() => reject(new NoAnswer("connection refused")));
      void this.#work(to, work).then((done) => {
        if (done.ok) answer(() => resolve(done.value));
      });
    };
    this.#send(arrive);
    this.after(CALL_TIMEOUT_MILLIS, () => void (from.life === life && reject(new NoAnswer("timeout"))));
    return promise;
  }

  /** Lets everything happen that happens before `until` milliseconds. */
  async run(until: number): Promise<void> {
    for (;;) {
      const [event] = this.#queue;
      if (!event || event.at > until) break;
      this.#queue.shift();
      this.now = event.at;
      this.events++;
      event.run();
      this.#misfortune();
      await new Promise((resolve) => setImmediate(resolve)); // everything that follows from this event, and nothing else
    }
    this.now = until;
  }

  crash(machine: Machine): void {
    if (!machine.up) return;
    this.crashes++;
    machine.up = false;
    machine.life++;
    machine.stop();
    this.after(this.random.between(10, 3000), () => {
      machine.up = true;
      machine.start();
    });
  }

  /** Ends the run: what is wrong is in the code, not in the world. */
  fail(error: unknown): void {
    this.after(0, () => {
      throw error;
    });
  }

  async #work<T>(to: Machine, work: () => T | Promise<T>): Promise<{ ok: true; value: T } | { ok: false }> {
    const { life } = to;
    try {
      const value = await work();
      return to.life === life ? { ok: true, value } : { ok: false };
    } catch (error) {
      if (error instanceof Crashed) this.crash(to);
      else if (!(error instanceof NoAnswer)) this.fail(error);
      return { ok: false };
    }
  }

  #send(arrive: () => void): void {
    const { lost, duplicated, delay } = this.weather;
    if (this.random.chance(lost)) return;
    this.after(this.random.between(...delay), arrive);
    if (this.random.chance(duplicated)) this.after(this.random.between(...delay) * 5, arrive);
  }

  #misfortune(): void {
    const { crash, clockJump } = this.weather;
    if (this.random.chance(crash)) this.crash(this.random.pick(this.machines));
    if (this.random.chance(clockJump)) this.random.pick(this.machines).skew = this.#jump();
  }

  #jump(): number {
    const size = this.random.pick([2, 30, 600, 26 * 3600, 60 * 3600]);
    return this.random.between(-size, size);
  }
}
