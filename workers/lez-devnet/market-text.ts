/** The fee market as JSON, for the database. */

import type { FeeMarket } from "./chain-state.ts";

interface StoredMarket {
  exec: string;
  stor: string;
  window: string[];
  carry: string;
  height: string;
}

export function marketToText({ base, window, carry, height }: FeeMarket): string {
  const stored: StoredMarket = {
    exec: base.exec.toString(),
    stor: base.stor.toString(),
    window: window.map(String),
    carry: carry.toString(),
    height: height.toString(),
  };
  return JSON.stringify(stored);
}

/** @param text as `marketToText` wrote it */
export function marketFromText(text: string): FeeMarket {
  const { exec, stor, window, carry, height } = JSON.parse(text) as StoredMarket;
  return { base: { exec: BigInt(exec), stor: BigInt(stor) }, window: window.map(BigInt), carry: BigInt(carry), height: BigInt(height) };
}
