/** The devnet of a demo: what its chain says by the calls of any sequencer, and what the demo does to it by those of its operator. */

import * as z from "zod";
import { bytesToHex, randomBytes, utf8 } from "../../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../../shared/crypto/digest.ts";
import { type Sequencer, sequencerAt } from "../../../shared/sequencer/client.ts";
import type { LezAccountId } from "../../../shared/zone/account.ts";
import { V03 } from "../../../shared/zone/v03.ts";

/** The bearer key of the operator's calls, and the variables of a devnet that knows it. */
export interface DevnetKey {
  key: string;
  vars: Record<string, string>;
}

export function newDevnetKey(): DevnetKey {
  const key = bytesToHex(randomBytes(32));
  return { key, vars: { DEVNET_CONTROL: bodyDigest(utf8(key)), FAUCET: "on" } };
}

const statusSchema = z.object({ head: z.number(), waiting: z.number() });

export class Devnet {
  readonly sequencer: Sequencer;
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, { key }: DevnetKey) {
    this.#url = url;
    this.#key = key;
    this.sequencer = sequencerAt(url, V03);
  }

  /** The head's number, and how many transactions wait for a block. */
  async status(): Promise<{ head: number; waiting: number }> {
    return statusSchema.parse(await this.#control("status"));
  }

  /** Test money, with one of the next blocks. */
  async fund(account: LezAccountId): Promise<void> {
    await fetch(`${this.#url}/faucet`, { method: "POST", body: JSON.stringify({ account }) });
  }

  /** Stops the clock that makes blocks. */
  async stopClock(): Promise<void> {
    await this.#control("pause", { on: true });
  }

  async startClock(): Promise<void> {
    await this.#control("pause", { on: false });
  }

  async mine(blocks = 1): Promise<void> {
    await this.#control("mine", { blocks });
  }

  /** Makes a block that leaves one waiting transaction out, which is then gone. */
  async mineWithout(): Promise<void> {
    await this.#control("dropNext", { transactions: 1 });
    await this.mine();
  }

  /** Takes blocks off the head. Their transactions wait again. */
  async orphan(blocks: number): Promise<void> {
    await this.#control("orphan", { blocks });
  }

  /** The sequencer starts anew: what waited is gone. */
  async restart(): Promise<void> {
    await this.#control("restart");
  }

  /** The hash of a block, undefined if the chain has none of this number. */
  async blockHash(id: bigint): Promise<Digest | undefined> {
    const bytes = await this.sequencer.block(id);
    const decoded = bytes && V03.decodeBlock(bytes);
    return decoded?.ok ? decoded.block.hash : undefined;
  }

  async #control(command: string, args: object = {}): Promise<unknown> {
    const headers = { Authorization: `Bearer ${this.#key}` };
    const response = await fetch(`${this.#url}/control/${command}`, { method: "POST", headers, body: JSON.stringify(args) });
    if (!response.ok) throw new Error(`the devnet answered ${response.status} to ${command}`);
    return z.object({ result: z.unknown() }).parse(await response.json()).result;
  }
}
