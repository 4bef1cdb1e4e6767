/** A stack with its hosted desk for one test file, and owners and agents in it. */

import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll } from "vitest";
import { type Stack, startStack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES } from "../../scripts/build-workers.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import type { ProofSigner } from "../../shared/protocol/proof.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { Agent, Page, passkeyAt, randomHex } from "./people.ts";

const LIMITS = ["CALL_LIMIT", "CANCEL_LIMIT", "FAUCET_LIMIT", "SELLER_LIMIT", "STRANGER_LIMIT"];

export interface PairedPeople {
  page: Page;
  agent: Agent;
}

/** @param vars of the Worker of the desk */
export function useDesk({ vars = {}, limits = {} }: { vars?: Record<string, string>; limits?: Record<string, number> } = {}) {
  let stack: Stack;
  let purchases = 0;
  const persist = mkdtempSync(join(tmpdir(), "lez-desk-ring-"));
  const logs: Record<string, unknown>[] = [];
  beforeAll(async () => {
    const open = Object.fromEntries(LIMITS.map((name) => [name, 1_000_000]));
    const onLog = (line: string) => void (line.startsWith("{") && logs.push(JSON.parse(line) as Record<string, unknown>));
    stack = await startStack({
      bundles: BUNDLES,
      persist,
      limits: { ...open, ...limits },
      vars: { "lez-desk": vars, "lez-merchant": { RECEIPT_KEY: randomHex(32) } },
      onLog,
    });
  });
  afterAll(async () => {
    await stack.stop();
    rmSync(persist, { recursive: true, force: true });
  });
  const world = {
    logs,
    get stack() {
      return stack;
    },
    /** The desk's origin. */
    get desk() {
      return stack.desk ?? "";
    },
    /** Objects of owners with tables in them. */
    storedDesks(): number {
      return globSync(`${persist}/**/*.sqlite`).filter((file) => {
        const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
        const found = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'login'").all();
        database.close();
        return found.length > 0;
      }).length;
    },
    url: () => `${stack.merchant}/premium?${purchases++}`,
    async fund(account: string): Promise<void> {
      await fetch(`${stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account, id: randomHex(32) }) });
    },
    passkey(): ProofSigner {
      const passkey = passkeyAt(world.desk);
      return { account: passkey.account, prove: (digest) => passkey.prove(digest) };
    },
    /** An owner who is signed in, and an agent that is paired. Without a signer: with a passkey. */
    async paired(signer: ProofSigner = world.passkey()): Promise<PairedPeople> {
      const page = new Page(world.desk, signer);
      await page.signIn();
      const agent = await Agent.create(world.desk);
      await agent.openPairing();
      await page.pair(agent);
      await world.fund(page.account);
      return { page, agent };
    },
    /** The agent has asked for something new. */
    async asked(
      { page, agent }: PairedPeople,
      changes?: Parameters<Agent["request"]>[1],
      url: string = world.url(),
    ): Promise<{ request: PaymentRequest; digest: Digest }> {
      const made = await agent.request(url, changes);
      const sent = await agent.ask(page.account, made.request, made.terms);
      if (sent.verdict !== "ok") throw new Error(JSON.stringify(sent.body));
      return made;
    },
    buy(request: PaymentRequest, payment: PaymentPayload): Promise<Response> {
      return fetch(request.http.url, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(payment) } });
    },
  };
  return world;
}
