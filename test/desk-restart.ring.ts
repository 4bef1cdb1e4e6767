/** `npm run desk`: workerd is killed behind and amid the effects of a desk, and starts again over the same disk. What was answered is kept. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Stack, startStack } from "../agent-cli/demo/stack.ts";
import { BUNDLES } from "../scripts/build-workers.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import { readApproval } from "../shared/desk/approval-wire.ts";
import { authorizationDigest } from "../shared/protocol/authorization.ts";
import { type Decision, recordDecision } from "../shared/protocol/decision.ts";
import { policySigner } from "../shared/protocol/policy-signer.ts";
import type { ProofSigner } from "../shared/protocol/proof.ts";
import { formatTimestamp, unixNow } from "../shared/time.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../shared/x402/headers.ts";
import { Agent, Page, passkeyAt, randomHex } from "./desk/people.ts";
import { policyOf } from "./passkey.ts";
import { NO_LIMITS } from "./stack/stack.ts";

const directory = await mkdtemp(join(tmpdir(), "lez-desk-restart-"));
let stack = await start();
afterAll(async () => {
  await stack.stop();
  await rm(directory, { recursive: true, force: true });
});

function start(ports: { deskPort?: number; merchantPort?: number } = {}): Promise<Stack> {
  return startStack({ bundles: BUNDLES, persist: directory, limits: NO_LIMITS, ...ports });
}

const origin = () => stack.desk ?? "";

/** At the same addresses: requests and passkeys name them. */
async function killed(): Promise<void> {
  const [deskPort, merchantPort] = [origin(), stack.merchant].map((url) => Number(new URL(url).port));
  await stack.stop();
  stack = await start({ ...(deskPort && { deskPort }), ...(merchantPort && { merchantPort }) });
}

let purchases = 0;
async function household(signer: ProofSigner) {
  const page = new Page(origin(), signer);
  expect((await page.signIn()).verdict).toBe("ok");
  const agent = await Agent.create(origin());
  await agent.openPairing();
  await page.pair(agent);
  await fetch(`${stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account: page.account, id: randomHex(32) }) });
  const ask = async () => {
    const made = await agent.request(`${stack.merchant}/premium?restart-${purchases++}`);
    expect((await agent.ask(page.account, made.request, made.terms)).verdict).toBe("ok");
    return made;
  };
  return { page, agent, ask };
}

const decisionOn = (digest: Digest, decision: Decision["decision"]): Decision => ({
  requestDigest: digest,
  decision,
  code: "not_needed",
  decidedAt: formatTimestamp(unixNow()),
});

test("every state of a request is as it was, and so are logins, pairings, keys that signed in part, and nonces [desk-restart]", async () => {
  const [phone, laptop] = [passkeyAt(origin()), passkeyAt(origin())];
  const policy = policyOf(2, phone, laptop);
  const one = policySigner(policy, [phone]);
  const { page, agent, ask } = await household(one);
  // A payment takes both keys.
  const together = new Page(origin(), policySigner(policy, [phone, laptop]));
  together.cookie = page.cookie;
  await page.set("keys.set", { account: page.account, policy, passkeys: [] });
  const [pending, part, approved, declined, revoked, cancelled] = [
    await ask(),
    await ask(),
    await ask(),
    await ask(),
    await ask(),
    await ask(),
  ];
  const { view } = await page.call("read", { request: part.digest });
  const reading = await readApproval(view);
  if (!reading.ok) throw new Error(reading.problem);
  const { authorization } = reading.view;
  const inPart = (key: typeof phone) => ({
    request: part.digest,
    authorization,
    policy,
    proof: key.assert(authorizationDigest(authorization)),
  });
  expect(await page.call("partial", inPart(phone))).toMatchObject({ whole: false, missing: 1 });
  for (const { digest } of [approved, revoked]) expect((await together.approve(digest)).verdict).toBe("ok");
  const ledger = stack.ledger as Digest;
  await page.call("refuse", { record: { decision: decisionOn(declined.digest, "declined"), signed: false } });
  await page.call("refuse", { record: await recordDecision(decisionOn(revoked.digest, "revoked"), one, ledger) });
  await agent.send("POST", agent.at(page.account, `requests/${cancelled.digest}/cancel`), {});
  const setting = await page.signedSetting("notices.say-more", { on: true });
  expect((await page.send("set", { setting })).verdict).toBe("ok");
  const all = [pending, part, approved, declined, revoked, cancelled];
  const states = async () => {
    const answers = [];
    for (const { digest } of all) answers.push(await agent.look(page.account, digest));
    return answers;
  };
  const before = await states();
  expect(before.map(({ state }) => state)).toEqual(["pending", "pending", "approved", "declined", "revoked", "cancelled"]);

  await killed();
  expect(await states()).toEqual(before);
  expect((await page.send("set", { setting })).verdict).toBe("replayed");
  expect(await page.call("settings", {})).toMatchObject({ noticesSayMore: true, agents: [{ publicKey: agent.signer.publicKey }] });
  // Asked again it is no second one, and what is decided stays decided.
  for (const { request } of all) await agent.ask(page.account, request);
  expect((await page.call("requests", { all: true })).requests).toHaveLength(all.length);
  for (const { digest } of [declined, revoked, cancelled])
    expect((await page.send("read", { request: digest })).verdict).toBe("decided_meanwhile");
  expect(await page.call("partial", inPart(laptop))).toMatchObject({ whole: true, missing: 0 });
  for (const { request, digest } of [approved, part]) {
    const asked = await agent.look(page.account, digest);
    if (asked.state !== "approved") throw new Error(asked.state);
    expect((await fetch(request.http.url, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(asked.payment) } })).status).toBe(200);
    expect(await page.call("request", { request: digest })).toMatchObject({ state: "paid" });
  }
});

test("a decision whose answer was lost with the process is taken once, when it is sent again [desk-restart-amid]", async () => {
  const passkey = passkeyAt(origin());
  const { page, agent, ask } = await household({ account: passkey.account, prove: (digest) => passkey.prove(digest) });
  const asked: { digest: Digest; payment: Awaited<ReturnType<Page["payment"]>> }[] = [];
  for (let n = 0; n < 6; n++) {
    const { digest } = await ask();
    asked.push({ digest, payment: await page.payment(digest) });
  }
  const lost = asked.map(({ payment }) => page.send("decide", { payment }).catch(() => undefined));
  await lost[0];
  await killed();
  await Promise.all(lost);
  for (const { digest, payment } of asked) {
    const { state } = await agent.look(page.account, digest);
    expect(["pending", "approved"]).toContain(state);
    expect((await page.send("decide", { payment })).verdict).toBe("ok");
    expect(await agent.look(page.account, digest)).toMatchObject({ state: "approved", payment });
  }
  const { text } = await page.call("export", { format: "jsonl" });
  expect(text.match(/"event":"approved"/g)).toHaveLength(asked.length);
});
