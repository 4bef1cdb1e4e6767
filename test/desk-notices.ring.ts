/** The desk tells its owner: real workerd, a push service and webhooks on loopback, and restarts in between. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Stack, startStack } from "../agent-cli/demo/stack.ts";
import { BUNDLES } from "../scripts/build-workers.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../shared/x402/headers.ts";
import { Agent, Page, passkeyAt, randomHex } from "./desk/people.ts";
import { newPushKey, PushService } from "./desk/push-service.ts";
import { NO_LIMITS } from "./stack/stack.ts";

const WAIT = { timeout: 60_000, interval: 100 };
const directory = await mkdtemp(join(tmpdir(), "lez-desk-notices-"));
const service = await PushService.start();
const PUSH_KEY = await newPushKey();
const logs: string[] = [];
let stack = await start();
afterAll(async () => {
  service.stop();
  await stack.stop();
  await rm(directory, { recursive: true, force: true });
});

function start(ports: { deskPort?: number; merchantPort?: number } = {}): Promise<Stack> {
  const vars = { "lez-desk": { PUSH_KEY, PUSH_TEST_HOST: service.host } };
  return startStack({ bundles: BUNDLES, persist: directory, vars, limits: NO_LIMITS, onLog: (line) => void logs.push(line), ...ports });
}

const origin = () => stack.desk ?? "";
let purchases = 0;
const url = () => `${stack.merchant}/premium?secret=${purchases++}`;

/** An owner who is signed in with a passkey, and an agent that is paired. */
async function household(name = "Research agent"): Promise<{ page: Page; agent: Agent }> {
  const passkey = passkeyAt(origin());
  const page = new Page(origin(), { account: passkey.account, prove: (digest) => passkey.prove(digest) });
  expect((await page.signIn()).verdict).toBe("ok");
  const agent = await Agent.create(origin());
  await agent.openPairing();
  await page.pair(agent, name);
  await fetch(`${stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account: page.account, id: randomHex(32) }) });
  return { page, agent };
}

async function subscribed(page: Page, label = "My phone") {
  const { pushKey = "" } = await page.call("desk", {});
  const browser = service.subscribe(pushKey);
  expect((await page.set("device.add", { subscription: browser.subscription, label })).verdict).toBe("ok");
  return browser;
}

async function ask({ page, agent }: { page: Page; agent: Agent }) {
  const { request, terms, digest } = await agent.request(url());
  expect((await agent.ask(page.account, request, terms)).verdict).toBe("ok");
  return { request, digest };
}

test("a push reaches the owner, who approves with a passkey, and the agent gets its goods [push-end-to-end]", async () => {
  const home = await household();
  const phone = await subscribed(home.page);
  const { request, digest } = await ask(home);
  await expect.poll(() => phone.arrived, WAIT).toHaveLength(1);
  expect(service.problems).toEqual([]);
  const [notice] = phone.arrived;
  expect(notice).toMatchObject({ title: "Research agent asks for 0.00001 LGO", path: `/#/request/${digest}` });
  expect(JSON.stringify(notice)).not.toMatch(/secret|premium|question/);

  expect((await home.page.approve(digest)).verdict).toBe("ok");
  const asked = await home.agent.look(home.page.account, digest);
  if (asked.state !== "approved") throw new Error(asked.state);
  const bought = await fetch(request.http.url, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(asked.payment) } });
  expect(bought.status).toBe(200);
  expect(logs.filter((line) => line.includes(phone.path) || line.includes(PUSH_KEY.slice(8, 40)))).toEqual([]);
});

test("webhooks are told in the words of their services, and nothing is read of what they answer [webhook-formats]", async () => {
  const home = await household("*Bold* <!channel> @everyone");
  for (const format of ["ntfy", "slack", "discord"] as const) {
    expect((await home.page.set("webhook.add", { format, url: service.url(`/hook/${format}`) })).verdict).toBe("ok");
  }
  const { digest } = await ask(home);
  const posted = (format: string) => service.posted.filter(({ path }) => path === `/hook/${format}`);
  for (const format of ["ntfy", "slack", "discord"]) await expect.poll(() => posted(format), WAIT).toHaveLength(1);
  const link = `${origin()}/#/request/${digest}`;
  const [[ntfy], [slack], [discord]] = [posted("ntfy"), posted("slack"), posted("discord")];
  expect(ntfy?.headers).toMatchObject({ click: link, priority: "high" });
  expect(ntfy?.body).toContain("*Bold* <!channel> @everyone asks for 0.00001 LGO\nCode ");
  const inSlack = JSON.parse(slack?.body ?? "") as { text: string };
  expect(inSlack.text).toContain(`<${link}|Open the desk>`);
  expect(inSlack.text).not.toMatch(/<!|\*Bold\*/);
  const inDiscord = JSON.parse(discord?.body ?? "") as { content: string; allowed_mentions: object };
  expect(inDiscord).toMatchObject({ allowed_mentions: { parse: [] }, flags: 4 });
  expect(inDiscord.content).toContain("\\*Bold\\* \\<!channel\\> \\@everyone asks for");
  for (const { body } of service.posted) expect(body).not.toMatch(/secret|premium|question/);
});

test("a receiver that hangs or redirects harms no other, and its owner reads why [notice-hostile-receiver]", async () => {
  const home = await household();
  const bad = await PushService.start();
  await home.page.set("webhook.add", { format: "slack", url: bad.url("/hook") });
  const phone = await subscribed(home.page);
  bad.behave = "hangs";
  await ask(home);
  await expect.poll(() => phone.arrived, WAIT).toHaveLength(1);
  const problem = async () => (await home.page.call("settings", {})).webhooks[0]?.lastProblem;
  await expect.poll(problem, WAIT).toBe("no answer in 5 s");
  bad.behave = "redirects";
  // The second try of the same notice: a redirect is no 2xx, and is not followed.
  await expect.poll(problem, WAIT).toBe("it answered 307");
  expect(bad.posted.map(({ path }) => path)).not.toContain("/elsewhere");
  bad.stop();
});

test("a subscription that has ended is forgotten [push-gone-stack]", async () => {
  const home = await household();
  await subscribed(home.page);
  expect((await home.page.call("settings", {})).devices).toMatchObject([{ label: "My phone", host: service.host }]);
  service.behave = 410;
  await ask(home);
  await expect.poll(async () => (await home.page.call("settings", {})).devices, WAIT).toEqual([]);
  service.behave = "takes";
});

test("a notice that did not go out before the desk ended goes out once it is back [notice-restart]", async () => {
  const home = await household();
  const phone = await subscribed(home.page);
  service.behave = 503;
  await ask(home);
  const problem = async () => (await home.page.call("settings", {})).devices[0]?.lastProblem;
  await expect.poll(problem, WAIT).toBe("it answered 503");
  await stack.stop();
  service.behave = "takes";
  stack = await start({ deskPort: Number(new URL(origin()).port) });
  await expect.poll(() => phone.arrived, WAIT).toHaveLength(1);
  expect((await home.page.call("settings", {})).devices[0]).not.toHaveProperty("lastProblem");
});

test("no owner adds another address as a push service, and none a webhook without a proof [notice-egress]", async () => {
  const { page } = await household();
  const browser = service.subscribe("x");
  for (const endpoint of ["http://127.0.0.1:1/push", "https://127.0.0.1/push", "https://evil.example/push", "http://localhost/push"]) {
    const sent = await page.set("device.add", { subscription: { ...browser.subscription, endpoint }, label: "x" });
    expect(sent.verdict, endpoint).toBe("usage");
  }
  const stranger = passkeyAt(origin());
  const signed = await page.signedSetting(
    "webhook.add",
    { format: "ntfy", url: service.url("/stolen") },
    {},
    {
      account: stranger.account,
      prove: (digest) => stranger.prove(digest),
    },
  );
  expect((await page.send("set", { setting: signed })).verdict).toBe("invalid_signature");
  expect((await page.call("settings", {})).webhooks).toEqual([]);
});

test("the page may run its own worker, and no other [desk-worker]", async () => {
  const worker = await fetch(`${origin()}/sw.js`);
  expect(worker.headers.get("content-type")).toContain("text/javascript");
  expect(await worker.text()).toContain("showNotification");
  const manifest = await fetch(`${origin()}/desk.webmanifest`);
  expect(manifest.headers.get("content-type")).toBe("application/manifest+json");
  expect(await manifest.json()).toMatchObject({ display: "standalone", start_url: "/#/" });
  expect(await (await fetch(origin())).text()).toContain('<link rel="manifest" href="/desk.webmanifest" />');
  const policy = (await fetch(origin())).headers.get("content-security-policy") ?? "";
  expect(policy).toContain("worker-src 'self'");
  expect(policy).toContain("trusted-types desk-worker");
});
