/** The desk in a real browser, over a real inbox and the real stack: an agent asks, the owner decides on the page. */

import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { PASSPHRASE, REASON, sandbox } from "../../agent-cli/testing/cli.ts";
import { startDesk, type TestDesk } from "../../agent-cli/testing/desk.ts";
import { fillInbox } from "../../agent-cli/testing/inbox.ts";
import { approveAsRead, people } from "../../agent-cli/testing/people.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { useBrowser, useWebStack } from "./use-browser.ts";

const world = useWebStack();
const browser = useBrowser();
const box = sandbox();
let desk: TestDesk;

beforeAll(async () => {
  await people(box);
  box.write("secret.txt", PASSPHRASE);
  await box.run("owner create --out ./sealed.json --passphrase-file ./secret.txt");
  await box.run("doctor"); // makes the state directory
  const { facilitator, ledger } = world.stack;
  box.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../sealed.json", agentFile: "../agent.json" });
  expect((await box.run("faucet")).exit).toBe(EXIT.ok);
  desk = await startDesk(box);
});
afterAll(async () => {
  expect(await desk.stop()).toBe(EXIT.ok);
});

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** A tab that leaves the desk's origin for nothing. */
async function tab(): Promise<Page> {
  const context = await browser.context({ viewport: { width: 390, height: 844 }, isMobile: true });
  const foreign: string[] = [];
  context.on("request", (request) => void (request.url().startsWith(`${desk.origin}/`) || foreign.push(request.url())));
  closing.push(async () => {
    await context.close();
    expect(foreign).toEqual([]);
  });
  const page = await context.newPage();
  await page.goto(desk.link);
  return page;
}

let purchases = 0;
const url = () => `${world.stack.merchant}/premium?desk-${purchases++}`;
const buy = (...words: string[]) => box.run(["fetch", url(), "--reason", REASON, ...words]);
async function asked(...words: string[]): Promise<string> {
  const run = await buy(...words);
  expect(run.exit, run.stdout).toBe(EXIT.approvalPending);
  return run.json.error.details?.["shortCode"] as string;
}
const openFirst = async (page: Page) => page.locator(".rows a").first().click();
const opened = async (page: Page, code: string) => page.locator(".rows a", { hasText: code }).click();
async function pay(page: Page): Promise<void> {
  await page.getByLabel("Passphrase of your key").fill(PASSPHRASE);
  await page.getByRole("button", { name: /^Pay/ }).click();
}
const shown = (page: Page, text: string) => page.getByText(text).first().waitFor();

test("an agent waits, the page shows its request by itself, the owner pays, and the agent has its goods [desk-end-to-end]", async () => {
  const page = await tab();
  await shown(page, "Nothing to decide");
  const bought = buy("--wait", "--timeout", "60");
  await page.locator(".rows a").first().waitFor();
  await openFirst(page);
  await shown(page, "confirms these terms");
  expect(await page.locator("h1 .figure").textContent()).toBe("0.00001 LGO");
  await pay(page);
  await shown(page, "It is paid.");
  const run = await bought;
  expect([run.exit, run.json.data["response"].status], run.stdout).toEqual([EXIT.ok, 200]);
  await page.getByRole("link", { name: "Receipt" }).click();
  await shown(page, "What was checked");
  await page.getByRole("link", { name: "History" }).click();
  await shown(page, "in 1 payment since");
  expect((await box.run("audit verify")).json.data).toMatchObject({ checked: 1, unchecked: 0 });
});

test("a no reaches the agent that waits, with its code and its note [desk-decline-end-to-end]", async () => {
  const page = await tab();
  const refused = buy("--wait", "--timeout", "60");
  await page.locator(".rows a").first().waitFor();
  await openFirst(page);
  await page.getByRole("button", { name: "Decline…" }).click();
  await page.getByLabel("Not needed").check();
  await page.getByLabel("A note for the agent").fill("We have it already.");
  await page.getByRole("button", { name: "Decline (final)" }).click();
  await shown(page, "You declined it.");
  const run = await refused;
  expect([run.exit, run.json.error.code]).toEqual([EXIT.declined, "declined"]);
  expect(JSON.stringify(run.json.error)).toContain("We have it already.");
});

test("a request that expires while it is open pays nothing [desk-expired]", async () => {
  const code = await asked("--expires-in", "6");
  const page = await tab();
  await opened(page, code);
  await shown(page, "It expired. It can no longer be paid.");
  expect(await page.getByRole("button", { name: /^Pay/ }).count()).toBe(0);
});

test("of two tabs, and of a tab and a terminal, the second is told [desk-two-tabs-browser]", async () => {
  const code = await asked();
  const [first, second] = [await tab(), await tab()];
  for (const page of [first, second]) {
    await opened(page, code);
    await shown(page, "confirms these terms");
    await page.getByLabel("Passphrase of your key").fill(PASSPHRASE);
  }
  await Promise.all([first, second].map((page) => page.getByRole("button", { name: /^Pay/ }).click()));
  await Promise.all([first, second].map((page) => shown(page, "You approved it.")));
  const { entries } = (await box.run("audit list --last 1000")).json.data as {
    entries: { event: string; facts: { requestDigest: string } }[];
  };
  const { requestDigest } = (await box.run(["request", "show", code])).json.data as { requestDigest: string };
  const approvals = entries.filter(({ event, facts }) => event === "approved" && facts.requestDigest === requestDigest);
  expect(approvals.length).toBe(1);

  const other = await asked();
  const page = await tab();
  await opened(page, other);
  await shown(page, "confirms these terms");
  expect((await approveAsRead(box, other, "--passphrase-file", box.path("secret.txt"))).exit).toBe(EXIT.ok);
  await shown(page, "You approved it.");
});

test("an allowance that was granted is seen with what is spent, and ended [desk-revokes-browser]", async () => {
  const passphrase = ["--passphrase-file", box.path("secret.txt")];
  const limits = ["--origin", world.stack.merchant, "--per-payment", "10000", "--total", "25000"];
  const draft = await box.run(["mandate", "grant", ...limits, "--dry-run", "--out", box.path("draft.json")]);
  const confirm = ["--confirm", String(draft.json.data["mandate"])];
  const granted = await box.run(["mandate", "grant", "--draft", box.path("draft.json"), ...confirm, ...passphrase]);
  expect(granted.exit, granted.stdout).toBe(EXIT.ok);
  expect((await buy()).exit).toBe(EXIT.ok);
  const page = await tab();
  await page.getByRole("link", { name: "Allowances" }).click();
  await shown(page, "0.00001 LGO spent");
  await shown(page, "0.000015 LGO");
  await page.getByRole("button", { name: /^Revoke/ }).click();
  await page.getByLabel(/^Passphrase of your key/).fill(PASSPHRASE);
  await page.getByRole("button", { name: "Revoke (final)" }).click();
  await shown(page, "is revoked: the agent pays no more under it.");
  await shown(page, "No allowance is open");
  expect((await buy()).exit).toBe(EXIT.approvalPending);
});

test("an approval that the agent has not used is taken back, and then pays nothing [desk-takes-back-browser]", async () => {
  const code = await asked();
  const page = await tab();
  await opened(page, code);
  await pay(page);
  await shown(page, "The agent has not sent the payment yet.");
  await page.getByRole("button", { name: "Take the approval back…" }).click();
  await page.getByLabel("Passphrase of your key").fill(PASSPHRASE);
  await page.getByRole("button", { name: "Take it back (final)" }).click();
  await shown(page, "You took the approval back.");
  const paid = await box.run(["pay", code]);
  expect([paid.exit === EXIT.ok, paid.json.ok], paid.stdout).toEqual([false, false]);
  expect((await box.run(["status", code])).json.data).toMatchObject({ said: "cancelled", conclusion: "not_paid" });
});

test("500 requests of one agent are listed a hundred at a time, and the oldest of them can be paid [desk-many]", async () => {
  const oldest = await asked();
  const like = box.read<PaymentRequest>(`home/inbox/${readdirSync(box.path("home/inbox")).find((name) => name.endsWith(".request.json"))}`);
  fillInbox(box, like, 500);
  const page = await tab();
  for (const count of [100, 200, 300, 400, 500]) {
    await expect.poll(() => page.locator(".rows > li").count()).toBeGreaterThanOrEqual(count);
    await page.getByRole("button", { name: "Show more" }).click();
  }
  await opened(page, oldest);
  await pay(page);
  await shown(page, "You approved it.");
});

test("another page of the same browser can neither call the desk nor frame it [desk-other-page]", async () => {
  const context = await browser.context();
  closing.push(() => context.close());
  const page = await context.newPage();
  await page.goto(desk.link);
  await shown(page, "Inbox");
  // Another program of this machine: a browser asks before a page of the internet may reach loopback at all.
  const server = createServer((_, response) => response.end(`<p>Honest</p><iframe src="${desk.origin}/"></iframe>`)).listen(0, "127.0.0.1");
  closing.push(async () => void server.close());
  await once(server, "listening");
  const evil = await context.newPage();
  const said: string[] = [];
  evil.on("console", (message) => said.push(message.text()));
  await evil.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await expect.poll(() => said.join("\n")).toContain("frame-ancestors 'none'");
  const call = `fetch("${desk.origin}/api/state", { method: "POST", body: "{}" }).then(() => "answered", () => "refused")`;
  expect(await evil.evaluate(call)).toBe("refused");
});
