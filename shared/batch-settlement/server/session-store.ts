/**
 * Where a merchant on the official server keeps its sessions. All processes that sell with one receiver key must share one store: it is what
 * gives a lane to one caller at a time.
 */

import type { StoredSession } from "./stored-session.ts";

export interface SessionStore {
  /** @returns undefined if there is none */
  get(id: string): Promise<{ session: StoredSession; version: number } | undefined>;
  /**
   * Writes, in one atomic step, if the stored version is still `before` (0: there is none), and counts the version up. It is durable when this
   * resolves: what resolved with true outlives the process.
   * @returns whether it wrote
   */
  put(id: string, session: StoredSession, before: number): Promise<boolean>;
  delete(id: string): Promise<void>;
  /** Of all sessions. */
  ids(): Promise<readonly string[]>;
}

/** Lasts as long as its process. */
export class MemorySessionStore implements SessionStore {
  readonly #sessions = new Map<string, { session: StoredSession; version: number }>();

  async get(id: string): Promise<{ session: StoredSession; version: number } | undefined> {
    return this.#sessions.get(id);
  }

  async put(id: string, session: StoredSession, before: number): Promise<boolean> {
    if ((this.#sessions.get(id)?.version ?? 0) !== before) return false;
    this.#sessions.set(id, { session, version: before + 1 });
    return true;
  }

  async delete(id: string): Promise<void> {
    this.#sessions.delete(id);
  }

  async ids(): Promise<readonly string[]> {
    return [...this.#sessions.keys()];
  }
}

/** A store that others write to as well: tried this often, then the call fails. */
const MOST_ATTEMPTS = 32;

/**
 * Changes a session in one step. In this process one change of a session follows the other, so only other processes can be in the way.
 * @throws {Error} if the store fails, or others always come first
 */
export class SessionBookkeeper {
  readonly #store: SessionStore;
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(store: SessionStore) {
    this.#store = store;
  }

  async find(id: string): Promise<StoredSession | undefined> {
    return (await this.#store.get(id))?.session;
  }

  /** @returns false if there is one already */
  add(id: string, session: StoredSession): Promise<boolean> {
    return this.#store.put(id, session, 0);
  }

  /** @returns undefined if there is no such session */
  change<Result>(
    id: string,
    change: (session: StoredSession) => { after: StoredSession; result: Result },
  ): Promise<{ session: StoredSession; result: Result } | undefined> {
    const turn = (this.#queues.get(id) ?? Promise.resolve()).then(() => this.#change(id, change));
    const settled = turn.catch(() => undefined);
    this.#queues.set(id, settled);
    void settled.then(() => this.#queues.get(id) === settled && this.#queues.delete(id));
    return turn;
  }

  delete(id: string): Promise<void> {
    return this.#store.delete(id);
  }

  ids(): Promise<readonly string[]> {
    return this.#store.ids();
  }

  async #change<Result>(id: string, change: (session: StoredSession) => { after: StoredSession; result: Result }) {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const stored = await this.#store.get(id);
      if (!stored) return undefined;
      const { after, result } = change(stored.session);
      if (after === stored.session || (await this.#store.put(id, after, stored.version))) return { session: after, result };
    }
    throw new Error(`session ${id}: other processes changed it ${MOST_ATTEMPTS} times`);
  }
}
