/** One place where an agent waits to be paired: ten minutes, once. Its name is the hash of a secret that only agent and owner know. */

import { DurableObject } from "cloudflare:workers";
import { canonicalJson } from "../../shared/crypto/digest.ts";
import type { PairingAnswer } from "../../shared/desk/agent-api.ts";
import { type DeskRefusal, refused } from "../../shared/desk/codes.ts";
import { MAX_DESK_WAIT_SECONDS, PAIRING_SECONDS } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { SignedPairing } from "../../shared/protocol/desk.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { Waiters } from "./waiters.ts";

/** In the object's storage, under one key. */
interface Place {
  version: 1;
  agent: string;
  /** The account that the agent wants; any if absent. */
  account?: AccountId | undefined;
  /** Unix seconds. */
  expiresAt: number;
  paired?: SignedPairing;
}

const PLACE = "place";

export class Pairings extends DurableObject {
  readonly #waiters = new Waiters();

  /** The agent opens it. The same again is no second one; another agent's is refused, as if there were none. */
  async open(agent: string, account: AccountId | undefined): Promise<{ ok: true; data: PairingAnswer } | DeskRefusal> {
    const now = unixNow();
    const before = this.#place(now);
    if (before && (before.agent !== agent || before.account !== account)) return refused("pairing_not_found");
    if (before) return { ok: true, data: answerOf(before) };
    const place: Place = { version: 1, agent, ...(account && { account }), expiresAt: now + PAIRING_SECONDS };
    this.ctx.storage.kv.put(PLACE, place);
    await this.ctx.storage.setAlarm((place.expiresAt + 1) * 1000);
    return { ok: true, data: answerOf(place) };
  }

  /** The agent looks, and waits. @param wait seconds */
  async look(agent: string, wait: number): Promise<{ ok: true; data: PairingAnswer } | DeskRefusal> {
    const now = unixNow();
    const before = this.#place(now);
    if (before?.agent !== agent) return refused("pairing_not_found");
    if (!before.paired && wait > 0) {
      const news = this.#waiters.wait(PLACE, agent, Math.min(wait, before.expiresAt - now + 1));
      if (!news) return { ...refused("rate_limited", "Too many calls wait at this place already."), retryAfter: MAX_DESK_WAIT_SECONDS };
      await news;
    }
    const place = this.#place(unixNow());
    return place ? { ok: true, data: answerOf(place) } : refused("pairing_not_found");
  }

  /** What the owner's page shows. */
  show(): { ok: true; data: { agent: string; account?: string; expiresAt: string } } | DeskRefusal {
    const place = this.#place(unixNow());
    if (!place || place.paired) return refused("pairing_not_found");
    const { agent, account, expiresAt } = place;
    return { ok: true, data: { agent, ...(account && { account }), expiresAt: formatTimestamp(expiresAt) } };
  }

  /** The owner's proof, which the desk has verified. The same again is answered as the first: its answer may have been lost. */
  pair(signed: SignedPairing): { ok: true } | DeskRefusal {
    const place = this.#place(unixNow());
    const { agent, account } = signed.pairing;
    if (place?.agent !== agent) return refused("pairing_not_found");
    if (place.account !== undefined && place.account !== account)
      return refused("pairing_not_found", "This agent waits for another account.", "Sign in with the account that the link names.");
    if (place.paired)
      return canonicalJson(place.paired.pairing) === canonicalJson(signed.pairing) ? { ok: true } : refused("pairing_not_found");
    this.ctx.storage.kv.put(PLACE, { ...place, paired: signed } satisfies Place);
    this.#waiters.wake(PLACE);
    return { ok: true };
  }

  override async alarm(): Promise<void> {
    this.#waiters.wake(PLACE);
    await this.ctx.storage.deleteAll();
  }

  #place(now: number): Place | undefined {
    const place = this.ctx.storage.kv.get<Place>(PLACE);
    return place && place.expiresAt >= now ? place : undefined;
  }
}

function answerOf({ paired, expiresAt }: Place): PairingAnswer {
  return paired ? { state: "paired", pairing: paired } : { state: "open", expiresAt: formatTimestamp(expiresAt) };
}
