/**
 * Which chain each network was when this machine first used it: the hash of its block 1. Nothing that is signed names the chain, so after a
 * reset old signatures are good again; a network that has become another chain is not paid on.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { NATIVE_NETWORKS, type NativeNetwork } from "../../shared/lez.ts";
import { formatTimestamp, timestampSchema, unixNow } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { exclusively } from "../runtime/lock.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const pinSchema = z.strictObject({
  network: z.enum(NATIVE_NETWORKS),
  /** The hash of block 1. */
  genesis: digestSchema,
  firstUsedAt: timestampSchema,
});
const FORMAT = { kind: "chains", what: "list of known chains", schema: z.strictObject({ chains: z.array(pinSchema) }) };
export type ChainPin = z.infer<typeof pinSchema>;

/** The chain that a network was; undefined if it was never used here. */
export function chainPin(context: Context, network: NativeNetwork): Outcome<ChainPin | undefined> {
  const pins = read(context);
  return pins.ok ? succeed(pins.data.find((pin) => pin.network === network)) : pins;
}

/** Pins a chain, unless one is pinned already. @returns the pin that counts */
export function pinChain(context: Context, network: NativeNetwork, genesis: Digest): Promise<Outcome<ChainPin>> {
  return exclusively(context, () => {
    const pins = read(context);
    if (!pins.ok) return pins;
    const known = pins.data.find((pin) => pin.network === network);
    if (known) return succeed(known);
    const pin = { network, genesis, firstUsedAt: formatTimestamp(unixNow()) };
    const written = write(context, [...pins.data, pin]);
    return written.ok ? succeed(pin) : written;
  });
}

/** @returns whether it was known */
export function forgetChain(context: Context, network: NativeNetwork, dryRun: boolean): Promise<Outcome<boolean>> {
  return exclusively(context, () => {
    const pins = read(context);
    if (!pins.ok) return pins;
    const others = pins.data.filter((pin) => pin.network !== network);
    const known = others.length < pins.data.length;
    const written = known && !dryRun ? write(context, others) : succeed(undefined);
    return written.ok ? succeed(known) : written;
  });
}

function read(context: Context): Outcome<ChainPin[]> {
  const file = fileOf(context);
  if (!file.ok) return file;
  if (!fs.existsSync(file.data)) return succeed([]);
  const state = readState(file.data, FORMAT);
  return state.ok ? succeed(state.data.chains) : state;
}

function write(context: Context, chains: ChainPin[]): Outcome<undefined> {
  const file = fileOf(context);
  return file.ok ? writeState(file.data, FORMAT, { chains }) : file;
}

function fileOf(context: Context): Outcome<string> {
  const directory = stateDirectory(context, "wallet");
  return directory.ok ? succeed(path.join(directory.data, "lez-chains.json")) : directory;
}
