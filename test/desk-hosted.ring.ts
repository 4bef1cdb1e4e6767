/** The hosted desk over HTTP: real workerd, real objects, the real merchant and ledger behind it. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stack, startStack } from "../agent-cli/demo/stack.ts";
import { BUNDLES } from "../scripts/build-workers.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../shared/x402/headers.ts";
import { Agent, Page, passkeyAt, randomHex } from "./desk/people.ts";

let stack: Stack;
let desk: string;
beforeAll(async () => {
  const limits = {
    CALL_LIMIT: 1_000_000,
    CANCEL_LIMIT: 1_000_000,
    FAUCET_LIMIT: 1_000_000,
    SELLER_LIMIT: 1_000_000,
    STRANGER_LIMIT: 1_000_000,
  };
  stack = await startStack({ bundles: BUNDLES, limits, onLog: (line) => console.log(line) });
  desk = stack.desk ?? "";
});
afterAll(() => stack.stop());

async function fund(account: string): Promise<void> {
  await fetch(`${stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account, id: randomHex(32) }) });
}

/** An owner with a passkey who is signed in, and an agent that is paired. */
async function paired(): Promise<{ page: Page; agent: Agent }> {
  const page = new Page(desk, passkeySigner());
  await page.signIn();
  const agent = await Agent.create(desk);
  await agent.openPairing();
  await page.pair(agent);
  await fund(page.account);
  return { page, agent };
}

const passkeySigner = () => {
  const passkey = passkeyAt(desk);
  return { account: passkey.account, prove: (digest: Parameters<typeof passkey.prove>[0]) => passkey.prove(digest) };
};

let purchases = 0;
const url = () => `${stack.merchant}/premium?${purchases++}`;

describe("from pairing to goods", () => {
  test("an agent is paired, asks, its owner approves with a passkey, and the merchant is paid [desk-whole-way]", async () => {
    const page = new Page(desk, passkeySigner());
    expect(await page.call("keys", { account: page.account })).toEqual({ account: page.account, passkeys: [] });
    expect((await page.signIn()).verdict).toBe("ok");
    await fund(page.account);
    const agent = await Agent.create(desk);
    expect((await agent.openPairing(page.account)).body.data).toMatchObject({ state: "open" });
    const waiting = agent.send("GET", `${agent.place}?wait=25`);
    await page.pair(agent);
    expect((await waiting).body.data).toMatchObject({ state: "paired", pairing: { pairing: { account: page.account } } });

    const { request, terms, digest } = await agent.request(url());
    expect((await agent.ask(page.account, request, terms)).body).toEqual({ ok: true, data: { state: "pending", requestDigest: digest } });
    const looking = agent.look(page.account, digest, 25);
    expect(await page.call("requests", { all: false })).toMatchObject({ requests: [{ requestDigest: digest, state: "pending" }] });
    expect((await page.approve(digest)).verdict).toBe("ok");
    const asked = await looking;
    if (asked.state !== "approved") throw new Error(asked.state);
    const bought = await fetch(request.http.url, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(asked.payment) } });
    expect(bought.status).toBe(200);
    expect(await page.call("request", { request: digest })).toMatchObject({
      state: "paid",
      transaction: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await page.call("history", { days: 7 })).toMatchObject({ payments: 1, list: [{ url: request.http.url }] });
  });
});

void paired;
