/** What every call of a desk works with. */

import type { DeskRefusal } from "../../shared/desk/codes.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { DeskEnv } from "./env.ts";
import type { FacilitatorClient } from "./facilitator.ts";
import type { Notices } from "./notices/notices.ts";
import type { DeskStore } from "./store.ts";
import type { Waiters } from "./waiters.ts";

export interface DeskContext {
  account: AccountId;
  /** What logins, pairings and settings name. */
  origin: string;
  env: DeskEnv;
  store: DeskStore;
  facilitator: FacilitatorClient;
  waiters: Waiters;
  notices: Notices;
  /** Calls the alarm by then, in unix seconds. */
  wakeBy(at: number): void;
}

/** `notes`: sentences for the owner. */
export type Told<Data> = { ok: true; data: Data; notes?: string[] } | DeskRefusal;

export function tell<Data>(data: Data, notes: string[] = []): Told<Data> {
  return { ok: true, data, ...(notes.length > 0 && { notes }) };
}
