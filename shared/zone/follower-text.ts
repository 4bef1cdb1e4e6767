/** What a follower remembers, as text for a database. Block numbers are decimal strings. */

import type { FollowerMemory } from "./chain-follower.ts";

export function writeFollowerMemory(memory: FollowerMemory): string {
  return JSON.stringify(memory, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}

/** @param text from `writeFollowerMemory` */
export function readFollowerMemory(text: string): FollowerMemory {
  return JSON.parse(text, (key, value: unknown) => (key === "id" ? BigInt(String(value)) : value)) as FollowerMemory;
}
