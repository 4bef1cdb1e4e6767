/** The devnet's configuration, from the Worker's variables. Every one has a default: an empty configuration is a chain. */

import * as z from "zod/mini";
import { ConfigurationError } from "../../shared/configuration-error.ts";
import { hexSchema, hexToBytes, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { checkShape, parseJson } from "../../shared/text/json.ts";
import { isLezAccountId, type LezAccountId } from "../../shared/zone/account.ts";
import { isSecretKey } from "../../shared/zone/schnorr.ts";
import { type Producer, producerOf } from "./build-block.ts";
import { DEFAULT_BLOCK_MILLIS, DEFAULT_FINAL_BLOCKS, DEFAULT_MEMPOOL, MAX_CONTROL_BODY_BYTES, MIN_BLOCK_MILLIS } from "./limits.ts";

export interface DevnetVars {
  /** Milliseconds from one block to the next. */
  BLOCK_MILLIS?: string;
  /** A block is final under so many others. */
  FINAL_BLOCKS?: string;
  /** Transactions that may wait. */
  MEMPOOL?: string;
  /** JSON: `[["<account>", "<lepta>"], …]`, issued in block 1. */
  SUPPLY?: string;
  /** What `getChannelId` answers, 64 hex digits. */
  CHANNEL_ID?: string;
  /** JSON: what `getProgramIds` answers. */
  PROGRAM_IDS?: string;
  /** Secret. The key that signs blocks, 64 hex digits. Absent: a published one. */
  PRODUCER_KEY?: string;
}

export interface DevnetConfig {
  blockMillis: number;
  finalBlocks: number;
  mempool: number;
  supply: readonly { account: LezAccountId; amount: bigint }[];
  channel: Digest;
  programIds: Readonly<Record<string, readonly number[]>>;
  producer: Producer;
}

/** A key and a channel that no other network has. The key is anyone's who reads this: a devnet's blocks prove nothing. */
const PUBLISHED_KEY = bodyDigest(utf8("lez-agent-pay devnet: the key of its blocks"));
const CHANNEL = bodyDigest(utf8("lez-agent-pay devnet: its channel"));
/** Which id a wallet wants is not known. */
const NO_PROGRAM_IDS = JSON.stringify({ privacy_preserving_circuit: [0, 0, 0, 0, 0, 0, 0, 0] });

export const lezAccountIdSchema = z.custom<LezAccountId>(isLezAccountId, "must be a LEZ account: base58 of 32 bytes");

const U64 = 2n ** 64n;
const lepta = z.string().check(
  z.regex(/^[1-9][0-9]{0,19}$/),
  z.refine((amount) => BigInt(amount) < U64, "must be a u64"),
);
const supplySchema = z.array(z.tuple([lezAccountIdSchema, lepta]));
const programIdsSchema = z.record(z.string(), z.array(z.int().check(z.minimum(0), z.maximum(0xffff_ffff))).check(z.length(8)));
const keySchema = hexSchema(32).check(z.refine((key) => isSecretKey(hexToBytes(key)), "must be a secret key of secp256k1"));

/** @throws {ConfigurationError} naming the variable that is wrong */
export function readConfig(vars: DevnetVars): DevnetConfig {
  const supply = json("SUPPLY", vars.SUPPLY ?? "[]", supplySchema);
  return {
    blockMillis: count("BLOCK_MILLIS", vars.BLOCK_MILLIS, DEFAULT_BLOCK_MILLIS, MIN_BLOCK_MILLIS),
    finalBlocks: count("FINAL_BLOCKS", vars.FINAL_BLOCKS, DEFAULT_FINAL_BLOCKS, 1),
    mempool: count("MEMPOOL", vars.MEMPOOL, DEFAULT_MEMPOOL, 1),
    supply: supply.map(([account, amount]) => ({ account, amount: BigInt(amount) })),
    channel: word("CHANNEL_ID", vars.CHANNEL_ID ?? CHANNEL, digestSchema),
    programIds: json("PROGRAM_IDS", vars.PROGRAM_IDS ?? NO_PROGRAM_IDS, programIdsSchema),
    producer: producerOf(hexToBytes(word("PRODUCER_KEY", vars.PRODUCER_KEY ?? PUBLISHED_KEY, keySchema))),
  };
}

function count(name: string, value: string | undefined, otherwise: number, least: number): number {
  const number = value === undefined || value === "" ? otherwise : Number(value);
  if (Number.isSafeInteger(number) && number >= least && number < 2 ** 31) return number;
  throw new ConfigurationError(`${name} must be a whole number from ${least} on, not ${JSON.stringify(value)}`);
}

function word<Schema extends z.core.$ZodType>(name: string, value: string, schema: Schema): z.output<Schema> {
  const checked = checkShape(value, schema);
  if (checked.ok) return checked.value;
  throw new ConfigurationError(`${name}: ${checked.problem}`);
}

function json<Schema extends z.core.$ZodType>(name: string, value: string, schema: Schema): z.output<Schema> {
  const parsed = parseJson(value, MAX_CONTROL_BODY_BYTES, schema);
  if (parsed.ok) return parsed.value;
  throw new ConfigurationError(`${name}: ${parsed.problem}`);
}
