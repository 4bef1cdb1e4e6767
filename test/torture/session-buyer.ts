/** A buyer in a bad world: it pays by the vouchers of its sessions, several at a time, and opens another when one is used up. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { PAYMENT_ERROR } from "../../shared/x402/headers.ts";
import { SessionClient } from "../sessions/client.ts";
import { newPayer, randomId } from "../signed.ts";
import { PATIENCE_MILLIS, post } from "./http.ts";

const BUDGET = "10000000";
/** A lane gets a sixteenth: a hundred answers. */
const DEPOSIT = "16000";
const TOGETHER = 4;
/** As buyers see the merchant. */
const ORIGIN = "https://shop.example";
/** Refusals after which another session is opened. */
const OVER: ReadonlySet<string> = new Set(["session_exhausted", "session_closed", "session_unknown"]);

/** A session, and what its buyer got for it. */
export interface BoughtSession {
  id: Digest;
  /** Answers with the goods. */
  answered: number;
  /** Atomic units: the most that the merchant can claim, by the buyer's own signatures. */
  signed: bigint;
}

export class SessionBuyer {
  readonly bought: BoughtSession[] = [];
  /** Requests that were sent, and those of which nothing was heard. */
  attempts = 0;
  unheard = 0;
  readonly refusals = new Map<string, number>();
  readonly #shops: readonly string[];
  readonly #owner: WalletSigner;
  readonly #agent: WalletSigner;
  #client: SessionClient | undefined;
  readonly #clients: SessionClient[] = [];

  private constructor(shops: readonly string[], owner: WalletSigner, agent: WalletSigner) {
    this.#shops = shops;
    this.#owner = owner;
    this.#agent = agent;
  }

  static async create(facilitator: string, shops: readonly string[]): Promise<SessionBuyer> {
    const buyer = new SessionBuyer(shops, await newPayer(), await newPayer());
    const funded = await post(`${facilitator}/faucet`, { account: buyer.account, amount: BUDGET, id: randomId() });
    if (!funded) throw new Error("the faucet gave nothing");
    return buyer;
  }

  get account() {
    return this.#owner.account;
  }

  async payUntil(over: () => boolean): Promise<void> {
    const lines = Array.from({ length: TOGETHER }, async (_, line) => {
      while (!over()) {
        // One of them opens. The others wait for its session.
        if (!this.#client && line > 0) await sleep(20);
        else await this.#payOnce();
      }
    });
    await Promise.all(lines);
  }

  /** Asks for the end of every session, until each has one. */
  async closeAll(): Promise<void> {
    for (const client of this.#clients) {
      for (let attempt = 0; attempt < 20; attempt++) {
        if ((await heard(client.close()))?.ok) break;
        await sleep(200);
      }
    }
    for (const [i, client] of this.#clients.entries()) {
      const bought = this.bought[i];
      if (bought) bought.signed = client.signed;
    }
  }

  async #payOnce(): Promise<void> {
    const client = this.#client;
    this.attempts++;
    const response = await heard(client ? client.pay() : this.#open());
    if (!response) {
      this.unheard++;
      await sleep(20);
      return;
    }
    const body = await response.text();
    const code = response.headers.get(PAYMENT_ERROR) ?? String(response.status);
    if (response.ok && body === "goods") {
      const bought = this.bought.at(client ? this.#clients.indexOf(client) : -1);
      if (bought) bought.answered++;
      return;
    }
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    if (client && OVER.has(code) && this.#client === client) this.#client = undefined;
  }

  async #open(): Promise<Response> {
    const [home = ""] = this.#shops;
    const send = (path: string, init: RequestInit) => {
      const shop = this.#shops[Math.floor(Math.random() * this.#shops.length)] ?? home;
      return fetch(shop + path, { ...init, signal: AbortSignal.timeout(PATIENCE_MILLIS) });
    };
    const client = new SessionClient(send, "/item", { owner: this.#owner, agent: this.#agent });
    const session = await client.newSession(DEPOSIT, ORIGIN);
    client.session = session;
    // Written down before it is sent: the answer can be lost.
    this.#clients.push(client);
    this.bought.push({ id: client.id, answered: 0, signed: 0n });
    const response = await client.openAs(session);
    if (response.ok) this.#client = client;
    return response;
  }
}

async function heard(request: Promise<Response>): Promise<Response | undefined> {
  try {
    return await request;
  } catch {
    return undefined;
  }
}
