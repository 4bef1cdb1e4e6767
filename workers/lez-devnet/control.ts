/** What a test can do to the chain that no sequencer offers: the commands of `/control/*`, and the faults that they set. */

import * as z from "zod/mini";
import type { ExactJson } from "../../shared/text/json.ts";
import { EXEC_MARKET, STOR_MARKET } from "../../shared/zone/fees.ts";
import type { Chain } from "./chain.ts";
import { lezAccountIdSchema } from "./config.ts";
import { MAX_DELAY_MILLIS, MAX_MINED_BLOCKS } from "./limits.ts";

/** What goes wrong from now on. */
export interface Faults {
  /** No block by itself; `mine` still makes some. */
  paused: boolean;
  /** Transactions that the next blocks leave out without a trace. */
  dropNext: number;
  /** Answers to `sendTransaction` that get lost. What was sent is queued. */
  loseAnswers: number;
  /** Before each answer, in milliseconds. */
  delay: number;
  /** The queue has no room, whatever is in it. */
  full: boolean;
}

export const NO_FAULTS: Faults = { paused: false, dropNext: 0, loseAnswers: 0, delay: 0, full: false };

/** A command with its arguments checked: it changes the chain, or the faults, and says what came of it. */
export type Command = (chain: Chain, faults: Faults, now: () => number) => { faults: Faults; result: ExactJson };

export type ReadCommand = { ok: true; run: Command } | { ok: false; problem: string | undefined };

const count = z.int().check(z.minimum(1), z.maximum(1000));
const lepta = z.pipe(
  z.string().check(
    z.regex(/^[1-9][0-9]{0,19}$/, "must be lepta, as text"),
    z.refine((amount) => BigInt(amount) < 2n ** 64n, "must be a u64"),
  ),
  z.transform((amount) => BigInt(amount)),
);
const price = (min: bigint, max: bigint) =>
  z.pipe(
    z.string().check(
      z.regex(/^[0-9]{1,20}$/, "must be a price, as text"),
      z.refine((text) => BigInt(text) >= min && BigInt(text) <= max, `must be from ${min} to ${max}`),
    ),
    z.transform((text) => BigInt(text)),
  );

/** Ties a schema to what is done with what it reads. */
function command<Schema extends z.core.$ZodType>(
  schema: Schema,
  run: (args: z.output<Schema>, ...context: Parameters<Command>) => { faults?: Partial<Faults>; result?: ExactJson },
) {
  return {
    schema,
    bind:
      (args: unknown): Command =>
      (chain, faults, now) => {
        const done = run(args as z.output<Schema>, chain, faults, now);
        return { faults: { ...faults, ...done.faults }, result: done.result ?? null };
      },
  };
}

const nothing = z.strictObject({});
const switched = z.strictObject({ on: z.boolean() });

const COMMANDS = {
  /** Issues money with the next block. False: too many grants wait. */
  fund: command(z.strictObject({ account: lezAccountIdSchema, amount: lepta }), ({ account, amount }, chain) => ({
    result: chain.fund(account, amount),
  })),
  mine: command(z.strictObject({ blocks: z.int().check(z.minimum(1), z.maximum(MAX_MINED_BLOCKS)) }), ({ blocks }, chain, faults, now) => {
    let left = faults;
    for (let block = 0; block < blocks; block++) left = produceBlock(chain, left, now());
    return { faults: left, result: chain.head };
  }),
  pause: command(switched, ({ on }) => ({ faults: { paused: on } })),
  dropNext: command(z.strictObject({ transactions: count }), ({ transactions }) => ({ faults: { dropNext: transactions } })),
  loseAnswer: command(z.strictObject({ answers: count }), ({ answers }) => ({ faults: { loseAnswers: answers } })),
  delay: command(z.strictObject({ millis: z.int().check(z.minimum(0), z.maximum(MAX_DELAY_MILLIS)) }), ({ millis }) => ({
    faults: { delay: millis },
  })),
  fill: command(switched, ({ on }) => ({ faults: { full: on } })),
  /** How many blocks left the head. */
  orphan: command(z.strictObject({ blocks: count }), ({ blocks }, chain) => ({ result: chain.orphan(blocks) })),
  /** How many transactions the queue lost. */
  restart: command(nothing, (_, chain) => ({ result: chain.restart() })),
  /** The hash of the new block 1. */
  reset: command(nothing, (_, chain) => ({ faults: NO_FAULTS, result: chain.reset() })),
  baseFee: command(
    z.strictObject({ exec: price(EXEC_MARKET.min, EXEC_MARKET.max), stor: price(STOR_MARKET.min, STOR_MARKET.max) }),
    (base, chain) => {
      chain.setBaseFee(base);
      return {};
    },
  ),
  status: command(nothing, (_, chain, faults) => ({
    result: { head: chain.head, genesis: chain.genesis, waiting: chain.waiting, faults: { ...faults } },
  })),
} as const;

/** @returns no problem: there is no such command */
export function readCommand(name: string, args: unknown): ReadCommand {
  if (!Object.hasOwn(COMMANDS, name)) return { ok: false, problem: undefined };
  const { schema, bind } = COMMANDS[name as keyof typeof COMMANDS];
  const read = z.safeParse(schema, args);
  if (!read.success) return { ok: false, problem: read.error.issues[0]?.message ?? "wrong shape" };
  return { ok: true, run: bind(read.data) };
}

/** One block, with what `dropNext` asks of it. */
export function produceBlock(chain: Chain, faults: Faults, now: number): Faults {
  const dropped = Math.min(faults.dropNext, chain.waiting);
  chain.produce(now, dropped);
  return { ...faults, dropNext: faults.dropNext - dropped };
}
