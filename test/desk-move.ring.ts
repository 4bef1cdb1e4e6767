/**
 * An owner's desk moves to another host: its passkeys end with their domain. The record of the keys and the recovery file move, agents pair
 * anew, and the account's second key approves, or sends the money to the account of a new passkey. docs/desk-hosted.md.
 */

import { afterAll, expect, test } from "vitest";
import { type Stack, startStack } from "../agent-cli/demo/stack.ts";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { sandbox } from "../agent-cli/testing/cli.ts";
import { people } from "../agent-cli/testing/people.ts";
import { BUNDLES } from "../scripts/build-workers.ts";
import { hexToBytes } from "../shared/crypto/bytes.ts";
import { readRecovery, recoveryFile } from "../shared/desk/recovery-file.ts";
import { policySigner } from "../shared/protocol/policy-signer.ts";
import { keySigner } from "../shared/protocol/signer.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../shared/x402/headers.ts";
import { Agent, Page, randomHex } from "./desk/people.ts";
import { policyOf, TestPasskey } from "./passkey.ts";
import { NO_LIMITS } from "./stack/stack.ts";

const OLD = "https://desk.old.example";
const NEW = "https://desk.new.example";
const start = (vars: Record<string, string>) =>
  startStack({ bundles: BUNDLES, vars: { "lez-desk": vars }, limits: NO_LIMITS, onLog: () => undefined });
const before = await start({ DESK_ORIGIN: OLD });
/** Of this one only the desk counts: the ledger, the shop and the money stay where they are. */
const after = await start({ DESK_ORIGIN: NEW, FACILITATOR_URL: before.facilitator });
afterAll(() => Promise.all([before.stop(), after.stop()]));

const seed = randomHex(32);
const phone = new TestPasskey("desk.old.example", seed);
const box = sandbox();
const { owner } = await people(box);
const secondKey = await keySigner(hexToBytes("secretKey" in owner ? owner.secretKey : ""));
const policy = policyOf(1, phone, secondKey);
const byPhone = policySigner(policy, [{ account: phone.account, prove: (digest) => phone.prove(digest) }]);
const bySecondKey = policySigner(policy, [secondKey]);
const { account } = byPhone;
const passkeys = [{ credentialId: "cGhvbmU", publicKey: phone.publicKey, rpId: phone.rpId, label: "My phone" }];
const at = ({ desk = "" }: Stack) => desk;

async function pairedAt(page: Page): Promise<Agent> {
  const agent = await Agent.create(page.address, page.origin);
  await agent.openPairing();
  await page.pair(agent);
  return agent;
}

let purchases = 0;
async function buys(page: Page, agent: Agent): Promise<number> {
  const { request, terms, digest } = await agent.request(`${before.merchant}/premium?${purchases++}`);
  expect((await agent.ask(page.account, request, terms)).verdict).toBe("ok");
  const approved = await page.approve(digest);
  expect(approved.verdict, JSON.stringify(approved.body)).toBe("ok");
  const asked = await agent.look(page.account, digest);
  if (asked.state !== "approved") throw new Error(asked.state);
  return (await fetch(request.http.url, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(asked.payment) } })).status;
}

async function balance(of: string): Promise<string> {
  return ((await (await fetch(`${before.facilitator}/accounts/${of}`)).json()) as { balance: string }).balance;
}

const oldPage = new Page(OLD, byPhone, at(before));
const newPage = new Page(NEW, bySecondKey, at(after));

test("at the old host the passkey signs in and approves", async () => {
  await fetch(`${before.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account, id: randomHex(32) }) });
  expect((await oldPage.signIn()).verdict).toBe("ok");
  expect((await oldPage.set("keys.set", { account, policy, passkeys })).verdict).toBe("ok");
  expect(await buys(oldPage, await pairedAt(oldPage))).toBe(200);
});

test("at the new host the same authenticator is another account's key, and signs in to nothing [desk-move-passkey]", async () => {
  const moved = new TestPasskey("desk.new.example", seed);
  expect(moved.publicKey).toBe(phone.publicKey);
  expect(moved.account).not.toBe(phone.account);
  const page = new Page(NEW, { account, prove: byMoved(moved) }, at(after));
  expect((await page.signIn()).verdict).toBe("invalid_signature");
});

test("nothing of the old host counts at the new one: no login, no pairing [desk-move-nothing]", async () => {
  const signed = await oldPage.signedLogin();
  expect((await newPage.send("login", { login: signed })).verdict).toBe("request_differs");
  const agent = await pairedAt(oldPage);
  const there = await agent.request(`${before.merchant}/premium?${purchases++}`);
  const passedOn = Object.assign(Object.create(agent) as Agent, { desk: at(after) });
  expect((await passedOn.ask(account, there.request)).verdict).toBe("call_refused");
  const caller = Object.assign(passedOn, { origin: newPage.origin });
  expect((await caller.ask(account, there.request)).verdict).toBe("not_paired");
});

test("the second key signs in there, brings the record of the keys, and approves for an agent that is paired anew [desk-move]", async () => {
  expect((await newPage.signIn()).verdict).toBe("ok");
  const moved = readRecovery(JSON.stringify(recoveryFile({ account, policy, passkeys })));
  if (!moved.ok) throw new Error(moved.problem);
  expect((await newPage.set("keys.set", moved.record)).verdict).toBe("ok");
  expect(await new Page(NEW, bySecondKey, at(after)).call("keys", { account })).toEqual({ account, policy, passkeys });
  expect(await buys(newPage, await pairedAt(newPage))).toBe(200);
});

test("recover sends the money to the account of a new passkey, which approves there [desk-move-money]", async () => {
  const fresh = new TestPasskey("desk.new.example", randomHex(32));
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { facilitatorUrl: before.facilitator, ownerFile: "../owner.json" });
  box.write("recovery.json", recoveryFile({ account, policy, passkeys }));
  const all = await balance(account);
  const line = `recover ./recovery.json ${fresh.account} ${all} --id move`;
  const { json } = await box.run(`${line} --dry-run`);
  const sent = await box.run(`${line} --confirm ${String(json.data["terms"])}`);
  expect(sent.exit, sent.stderr).toBe(EXIT.ok);
  await expect.poll(() => balance(fresh.account)).toBe(all);
  expect(await balance(account)).toBe("0");
  const page = new Page(NEW, { account: fresh.account, prove: (digest) => fresh.prove(digest) }, at(after));
  expect((await page.signIn()).verdict).toBe("ok");
  expect(await buys(page, await pairedAt(page))).toBe(200);
});

/** What a browser would make at the new host, as if it were the policy's key. */
function byMoved(passkey: TestPasskey) {
  return async (digest: Parameters<TestPasskey["prove"]>[0]) => ({
    kind: "policy" as const,
    policy,
    proofs: [await passkey.prove(digest)],
  });
}
