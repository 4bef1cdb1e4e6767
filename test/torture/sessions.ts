/**
 * The torture of sessions: four isolates of a merchant, its objects, the facilitator and the ledger in real workerd over a real disk, killed
 * again and again while buyers pay by vouchers. Then what was claimed is compared with what was signed and with what was served.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NETWORK } from "../../shared/lez.ts";
import type { SessionStatus } from "../../shared/settlement/backend.ts";
import { drained } from "./drained.ts";
import { type BoughtSession, SessionBuyer } from "./session-buyer.ts";
import { SHOPS, torturedShops } from "./workerd.ts";

export interface SessionTortureOptions {
  kills: number;
  shards: number;
  clients: number;
}

export interface SessionTortureReport extends SessionTortureOptions {
  seconds: number;
  attempts: number;
  /** Requests that a kill left without an answer. */
  unheard: number;
  sessions: number;
  /** Answers with the goods. */
  answered: number;
  /** Atomic units: what was served, by the buyers' count, what the merchant claimed, and what buyers signed at most. */
  served: bigint;
  claimed: bigint;
  signed: bigint;
  /** Atomic units that were served and never claimed, and the most that so many kills may cost. */
  loss: bigint;
  mayLose: bigint;
  supplyExact: boolean;
  refusals: Record<string, number>;
  problems: string[];
}

const PRICE = 10n;
/** The default: 16 prices unreported per lane, and what is under way in it. */
const RISK = 16n * PRICE;
const UNDER_WAY = 4n * PRICE;
/** Between two kills. */
const MOST_ANSWERS = 600;
const LONGEST_MILLIS = 8000;

export async function tortureSessions({ kills, shards, clients }: SessionTortureOptions): Promise<SessionTortureReport> {
  const directory = await mkdtemp(join(tmpdir(), "lez-torture-sessions-"));
  const began = Date.now();
  const workerd = await torturedShops(directory, shards);
  const facilitator = workerd.origin("facilitator");
  const shops = SHOPS.map((name) => workerd.origin(name));
  try {
    await workerd.start();
    const buyers = await Promise.all(Array.from({ length: clients }, () => SessionBuyer.create(facilitator, shops)));
    let over = false;
    const paying = buyers.map((buyer) => buyer.payUntil(() => over));
    for (let kill = 0; kill < kills; kill++) {
      await someAnswers(buyers);
      await workerd.kill();
      await workerd.start();
    }
    await someAnswers(buyers);
    over = true;
    await Promise.all(paying);
    await Promise.all(buyers.map((buyer) => buyer.closeAll()));
    const audit = await drained(facilitator);
    const told = await Promise.all(buyers.flatMap((buyer) => buyer.bought.map((bought) => judge(facilitator, buyer, bought))));
    const total = (of: (session: (typeof told)[number]) => bigint) => told.reduce((sum, session) => sum + of(session), 0n);
    const unheard = buyers.reduce((sum, buyer) => sum + buyer.unheard, 0);
    const [served, claimed] = [total(({ bought }) => PRICE * BigInt(bought.answered)), total((session) => session.claimed)];
    const lanes = BigInt(2 * SHOPS.length + 1); // of each shop, what it has not told of the object's own, and that
    const mayLose = BigInt(kills) * BigInt(clients) * lanes * (RISK + UNDER_WAY);
    const loss = served > claimed ? served - claimed : 0n;
    const gained = claimed - served;
    return {
      kills,
      shards,
      clients,
      seconds: Math.round((Date.now() - began) / 1000),
      attempts: buyers.reduce((sum, { attempts }) => sum + attempts, 0),
      unheard,
      sessions: told.length,
      answered: Number(served / PRICE),
      served,
      claimed,
      signed: total(({ bought }) => bought.signed),
      loss,
      mayLose,
      supplyExact: audit.conclusive && audit.inFlight === "0" && audit.balances === audit.supply,
      refusals: summed(buyers.map(({ refusals }) => refusals)),
      problems: [
        ...audit.problems,
        ...told.flatMap(({ problems }) => problems),
        ...(loss > mayLose ? [`${loss} units were served and never claimed; ${kills} kills may cost ${mayLose}`] : []),
        // What is claimed beyond the heard answers was served, and its answers were lost.
        ...(gained > PRICE * BigInt(unheard) ? [`${gained} units were claimed beyond what was served, with ${unheard} answers lost`] : []),
      ],
    };
  } finally {
    await workerd.kill();
    await rm(directory, { recursive: true, force: true });
  }
}

export function passedSessions({ supplyExact, problems, answered, sessions }: SessionTortureReport): boolean {
  return supplyExact && problems.length === 0 && answered > 0 && sessions > 0;
}

/** A busy machine takes longer over them, so they are counted. */
async function someAnswers(buyers: readonly SessionBuyer[]): Promise<void> {
  const wanted = answersOf(buyers) + 1 + Math.floor(Math.random() * MOST_ANSWERS);
  const deadline = Date.now() + LONGEST_MILLIS;
  while (answersOf(buyers) < wanted && Date.now() < deadline) await sleep(5);
}

function answersOf(buyers: readonly SessionBuyer[]): number {
  return buyers.reduce((sum, { bought }) => sum + bought.reduce((answers, { answered }) => answers + answered, 0), 0);
}

/** Holds one session against the ledger's word. */
async function judge(facilitator: string, { account }: SessionBuyer, bought: BoughtSession) {
  const { id, answered, signed } = bought;
  const response = await fetch(`${facilitator}/sessions/${NETWORK}/${account}/${id}`);
  const status = (await response.json()) as SessionStatus;
  // The deposit never arrived.
  const claimed = status.status === "unknown" ? 0n : BigInt(status.claimed);
  const faults: [boolean, string][] = [
    [!response.ok, `the ledger answers ${response.status}`],
    [claimed > signed, `${claimed} were claimed, ${signed} signed`],
    [PRICE * BigInt(answered) > signed, `${answered} answers came for ${signed} units signed`],
    [status.status === "unknown" && answered > 0, `${answered} answers came of a session that the ledger does not know`],
  ];
  return { bought, claimed, problems: faults.flatMap(([is, fault]) => (is ? [`session ${id}: ${fault}`] : [])) };
}

function summed(counts: readonly ReadonlyMap<string, number>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [code, count] of counts.flatMap((each) => [...each])) sums[code] = (sums[code] ?? 0) + count;
  return sums;
}
