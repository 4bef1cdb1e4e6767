/** The rules of native payments with one fault in them (or none). */

import type { BadBlock, readAccount } from "../../shared/zone/account-read.ts";
import type { ChainFollower } from "../../shared/zone/chain-follower.ts";
import type { HeadChain } from "../../shared/zone/head-chain.ts";
import type { viewOf } from "../../shared/zone/lane-view.ts";
import type { Lane } from "../../shared/zone/lane.ts";
import { loadMutant, type SourceMutant } from "../mutated-source.ts";

export interface ZoneCode {
  Lane: typeof Lane;
  ChainFollower: typeof ChainFollower;
  readAccount: typeof readAccount;
  BadBlock: typeof BadBlock;
  HeadChain: typeof HeadChain;
  viewOf: typeof viewOf;
}

const FOLDER = "shared/zone";

export interface ZoneMutant extends SourceMutant {
  /** One that finds a rare fault. Others are tried if it does not any more. */
  seed?: number;
  file: "account-read" | "chain-follower" | "head-chain" | "lane" | "lane-table" | "lane-view" | "proof";
}

/** From the repository's root, without its ending. */
export function pathOf({ file }: ZoneMutant): string {
  return `${FOLDER}/${file}`;
}

export function loadZone(mutant?: ZoneMutant): Promise<ZoneCode> {
  return loadMutant([FOLDER], mutant && { ...mutant, file: pathOf(mutant) }, async (load) => ({
    Lane: (await load<ZoneCode>(`${FOLDER}/lane.ts`)).Lane,
    ChainFollower: (await load<ZoneCode>(`${FOLDER}/chain-follower.ts`)).ChainFollower,
    ...(await load<Pick<ZoneCode, "readAccount" | "BadBlock">>(`${FOLDER}/account-read.ts`)),
    HeadChain: (await load<ZoneCode>(`${FOLDER}/head-chain.ts`)).HeadChain,
    viewOf: (await load<ZoneCode>(`${FOLDER}/lane-view.ts`)).viewOf,
  }));
}
