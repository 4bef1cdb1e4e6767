/** The devnet's chain in this process, behind a sequencer's address on 127.0.0.1. Blocks are made when a test says so. */

import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";
import type { Chain } from "../../workers/lez-devnet/chain.ts";
import { readConfig } from "../../workers/lez-devnet/config.ts";
import { answerRpc } from "../../workers/lez-devnet/rpc.ts";
import { chainWith, type TestKey } from "../../workers/lez-devnet/testing/devnet-chain.ts";

export interface TestSequencer {
  url: string;
  chain: Chain;
  /** Makes a block. @param secondsAgo how old it is */
  mine(secondsAgo?: number): void;
  /** Says something else than the chain, or undefined. Gets the method of the call. */
  instead: ((method: string) => { status?: number; body?: string; breaks?: true } | undefined) | undefined;
}

/** @param secondsAgo how old block 2 is, which is there already */
export async function serveSequencer(supply: readonly (readonly [TestKey, bigint])[], secondsAgo = 0): Promise<TestSequencer> {
  const chain = chainWith(supply);
  const config = readConfig({});
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const { method } = JSON.parse(body) as { method: string };
      const other = world.instead?.(method);
      if (other?.breaks) return void request.socket.destroy();
      return void response.writeHead(other?.status ?? 200).end(other?.body ?? answerRpc(body, chain, config));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  afterAll(() => void server.close());
  const world: TestSequencer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    chain,
    mine: (secondsAgo = 0) => void chain.produce(Date.now() - secondsAgo * 1000),
    instead: undefined,
  };
  world.mine(secondsAgo);
  return world;
}
