/**
 * The hosted desk in a real browser with a passkey, over real Workers: an owner makes an account, pairs an agent, decides; the agent pays
 * the real merchant with what it gets.
 */

import crypto from "node:crypto";
import { chmodSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { describe, expect, test } from "vitest";
import { readKeyFile, unlockKey } from "../../agent-cli/keys/key-file.ts";
import { secretOf } from "../../agent-cli/prompts/passphrase.ts";
import { genuineScrypt } from "../../agent-cli/testing/cheap-scrypt.ts";
import { toBase64url, utf8 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { Granted } from "../../shared/desk/agent-api.ts";
import type { KeyRecord } from "../../shared/desk/hosted-api.ts";
import { pairingCode, pairingLink } from "../../shared/desk/pairing-place.ts";
import { BATCH_SETTLEMENT } from "../../shared/lez.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { signWithin } from "../../shared/protocol/approval.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import { isGenuineDecision } from "../../shared/protocol/decision.ts";
import type { SignedPairing } from "../../shared/protocol/desk.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { checkPaymentRequest } from "../../shared/protocol/payment-request.ts";
import { type Session, sessionId } from "../../shared/protocol/session.ts";
import { signVoucher } from "../../shared/protocol/voucher.ts";
import { unixNow } from "../../shared/time.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { Agent, askOnChain } from "../desk/people.ts";
import { expectPaintsSoon } from "./first-paint.ts";
import {
  approve,
  go,
  makeKeyFile,
  NARROW,
  openAccount,
  type Owner,
  PASSPHRASE,
  PHONE,
  press,
  readyToPay,
  shown,
  sound,
  tabTo,
  useHostedDesk,
} from "./hosted-world.ts";
import { pushes, useBrowser } from "./use-browser.ts";

const browser = useBrowser();
const { world, open, signedIn, fund, url, ask, pay } = useHostedDesk();
let owner: Owner;
/** Paired with the owner's account by the test that pairs. */
let agent: Agent;

test("its first paint comes within 300 ms at a quarter of the speed [hosted-first-paint]", async () => {
  await expectPaintsSoon(browser, `${world.desk}/#/`);
});

test("an account is made of a passkey and a key file, its recovery file is kept, and only then it is shown [hosted-account]", async () => {
  const { page, authenticator } = await open("#/", { ...NARROW, colorScheme: "light", acceptDownloads: true });
  await shown(page, "Sign in");
  await sound(page);
  await press(page, "Make a new account");
  await shown(page, "if this domain ends, the passkey ends with it");
  await sound(page);
  await press(page, "Make a passkey");
  await shown(page, "Either of the two spends alone");
  await sound(page);
  await page.getByLabel("A key that I made elsewhere").check();
  const [draft = ""] = (await page.evaluate("Object.values(localStorage)")) as string[];
  await page
    .getByLabel("What the other device shows")
    .fill(toBase64url(utf8(JSON.stringify((JSON.parse(draft) as { first: object }).first))));
  await press(page, "Take this key");
  await shown(page, "This is the first key of the account.");
  await page.getByLabel(/^A key file/).check();
  const file = await makeKeyFile(page);
  await sound(page);
  expect(await page.getByRole("button", { name: "Open the account at this desk" }).count()).toBe(0);
  const account = await openAccount(page);
  await sound(page);
  owner = { account, credentials: await authenticator.credentials() };
  expect(JSON.stringify(await page.evaluate("JSON.stringify(localStorage)"))).not.toContain(PASSPHRASE);
  // The command line opens the second key, which is one of the account's.
  chmodSync(file, 0o600);
  const key = await withGenuineScrypt(async () => {
    const read = readKeyFile(file, "owner");
    return read.ok ? unlockKey(read.data, "owner", secretOf(PASSPHRASE)) : read;
  });
  if (!key.ok) throw new Error(key.error.message);
  const kept = await page.evaluate(`fetch("/api/keys", { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ account: ${JSON.stringify(account)} }) }).then((answer) => answer.json())`);
  expect((kept as { data: KeyRecord }).data).toMatchObject({ account, policy: { threshold: "1" } });
  expect((kept as { data: KeyRecord }).data.policy?.keys).toContain(key.data.account);
});

/** The tests' scrypt is a cheap one, and a browser's is not. */
async function withGenuineScrypt<Data>(run: () => Promise<Data>): Promise<Data> {
  const patchable = crypto as { scrypt: unknown };
  const cheap = patchable.scrypt;
  patchable.scrypt = genuineScrypt;
  syncBuiltinESMExports();
  try {
    return await run();
  } finally {
    patchable.scrypt = cheap;
    syncBuiltinESMExports();
  }
}

test("an agent is paired from its link, by the code that both sides show [hosted-pairs]", async () => {
  agent = await Agent.create(world.desk);
  expect((await agent.openPairing()).verdict).toBe("ok");
  const { signer, secret } = agent;
  const { hash } = new URL(pairingLink(world.desk, signer.publicKey, secret));
  const { page } = await signedIn(owner, hash, { ...PHONE, colorScheme: "dark" });
  await shown(page, pairingCode({ desk: world.desk, account: owner.account as AccountId, agent: signer.publicKey, secret }));
  await sound(page);
  await page.getByLabel("Your name for the agent").fill("Research agent");
  await press(page, "Pair this agent");
  await shown(page, "Paired at this desk");
  expect(page.url()).not.toContain(secret);
  const place = await agent.send("GET", agent.place);
  const pairing = place.body.data as { state: string; pairing: SignedPairing };
  expect(pairing).toMatchObject({ state: "paired", pairing: { pairing: { account: owner.account, agent: signer.publicKey } } });
  await fund(owner.account);
  // Once, and another agent's link is none.
  await page.reload();
  await go(page, hash);
  await shown(page, "No agent waits here.");
  await go(page, `#/pair/${"ab".repeat(32)}.${secret}`);
  await shown(page, "No agent waits here.");
  await go(page, "#/pair/abc");
  await shown(page, "This link is incomplete.");
});

describe("a request", () => {
  test("is approved by the keyboard and the passkey, and the agent pays with it [hosted-approves]", async () => {
    const { digest, request, code, at } = await ask(agent, owner);
    const { page } = await signedIn(owner, "#/", { ...PHONE, colorScheme: "light" });
    await shown(page, code);
    await go(page, at);
    await readyToPay(page, code);
    await sound(page);
    const largest = (await page.evaluate(
      `[...document.querySelectorAll("main *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
        .map((e) => [parseFloat(getComputedStyle(e).fontSize), e.textContent.trim()]).sort((a, b) => b[0] - a[0]).slice(0, 2)`,
    )) as [number, string][];
    expect(largest.map(([, text]) => text)).toEqual(["0.00001 LGO", `to ${new URL(world.stack.merchant).host}`]);
    await tabTo(page, "with my passkey");
    await page.keyboard.press("Enter");
    await shown(page, "You approved it.");
    expect(await pay(agent, owner, digest, request.http.url)).toBe(200);
    await shown(page, "It is paid.");
    await page.getByRole("link", { name: "History" }).click();
    await shown(page, "in 1 payment since");
  });

  test("what is signed is on the screen while the passkey is asked; who is not verified signs nothing, and can try again [hosted-sheet]", async () => {
    const { digest, at, code } = await ask(agent, owner);
    const { page, authenticator } = await signedIn(owner, at);
    await readyToPay(page, code);
    await authenticator.verifies(false);
    await press(page, /^Pay/);
    await shown(page, "Nothing was signed. The passkey was not confirmed.");
    const sheet = page.getByRole("dialog");
    const text = await sheet.textContent();
    for (const fact of ["0.00001 LGO = 10000 units", world.stack.payTo, owner.account, code]) expect(text).toContain(fact);
    await sound(page);
    expect(await agent.look(owner.account, digest)).toMatchObject({ state: "pending" });
    await page.keyboard.press("Escape");
    await shown(page, "Nothing was signed.");
    await authenticator.verifies(true);
    await press(page, /^Pay/);
    await shown(page, "You approved it.");
  });

  test("is declined with a signed reason [hosted-declines]", async () => {
    const { digest, at } = await ask(agent, owner);
    const { page } = await signedIn(owner, at);
    await press(page, "Decline…");
    await page.getByLabel("Too expensive").check();
    await page.getByLabel("A note for the agent").fill("Half of that would do.");
    await press(page, "Decline (final)");
    await shown(page, "You declined it.");
    await shown(page, ", signed");
    const asked = await agent.look(owner.account, digest);
    if (asked.state !== "declined") throw new Error(asked.state);
    expect(asked.decision).toMatchObject({ signed: true, decision: { code: "too_expensive", note: "Half of that would do." } });
    expect(await isGenuineDecision(asked.decision, FACILITATOR_DECIDES)).toBe(true);
  });

  test("that was approved is taken back, and then pays nothing [hosted-takes-back]", async () => {
    const { digest, request, at, code } = await ask(agent, owner);
    const { page } = await signedIn(owner, at);
    await approve(page, code);
    await shown(page, "You approved it.");
    const approved = await agent.look(owner.account, digest);
    if (approved.state !== "approved") throw new Error(approved.state);
    await press(page, "Take the approval back…");
    await press(page, "Take it back (final)");
    await shown(page, "You took the approval back.");
    await sound(page);
    const header = { [PAYMENT_SIGNATURE]: encodeHeader(approved.payment) };
    expect((await fetch(request.http.url, { headers: header })).status).toBe(402);
    expect(await agent.look(owner.account, digest)).toMatchObject({ state: "revoked" });
  });

  test("on the chain itself is shown with the command for a terminal, declined without the passkey, and followed to its end [hosted-on-chain]", async () => {
    const { page, authenticator } = await signedIn(owner, "#/", NARROW);
    const [first, second] = [await askOnChain(agent, owner), await askOnChain(agent, owner)];
    await shown(page, "0.00001 LGO on lez:devnet");
    await go(page, first.at);
    await shown(page, "Sign it at a terminal");
    await shown(page, "on the machine where the agent runs");
    await shown(page, `lez-agent-pay approve ${first.code}`);
    await sound(page);
    const before = await authenticator.credentials();
    await press(page, "Decline…");
    await page.getByLabel("Too expensive").check();
    await press(page, "Decline (final)");
    await shown(page, "You declined it. That is final.");
    expect(await authenticator.credentials()).toEqual(before);
    expect(await agent.look(owner.account, first.digest)).toMatchObject({ state: "declined", decision: { signed: false } });
    await go(page, second.at);
    await shown(page, "Sign it at a terminal");
    await agent.send("POST", agent.at(owner.account, `requests/${second.digest}/cancel`), {});
    await shown(page, "It no longer waits: it was decided at a terminal");
    await sound(page);
  });

  test("may expire sooner than the merchant offers [hosted-shorter]", async () => {
    const { digest, at, code } = await ask(agent, owner);
    const { page } = await signedIn(owner, at);
    await page.getByLabel("Valid after you sign").selectOption({ label: "for 60 s" });
    await shown(page, "for 60 s");
    await expect.poll(() => page.locator(".facts").first().textContent()).toContain("for 60 s");
    await approve(page, code);
    await shown(page, "You approved it.");
    const asked = await agent.look(owner.account, digest);
    if (asked.state !== "approved") throw new Error(asked.state);
    const { authorization } = asked.payment.payload as { authorization: Authorization };
    expect(Number(authorization.validBefore) - Number(authorization.validAfter)).toBe(60);
  });

  test("approved in two tabs at once is approved once [hosted-two-tabs]", async () => {
    const { digest, request, at, code } = await ask(agent, owner);
    const [first, second] = [await signedIn(owner, at), await signedIn(owner, at)];
    await Promise.all([first, second].map(({ page }) => readyToPay(page, code)));
    await Promise.all([first, second].map(({ page }) => press(page, /^Pay/)));
    await Promise.all([first, second].map(({ page }) => shown(page, "You approved it.")));
    expect(await pay(agent, owner, digest, request.http.url)).toBe(200);
  });

  test("approved where the phone is offline at that moment is signed once, and sent with the next tap [hosted-offline]", async () => {
    const { digest, request, at, code } = await ask(agent, owner);
    const { page, context, authenticator } = await signedIn(owner, at);
    await readyToPay(page, code);
    const signed = async () => (await authenticator.credentials())[0]?.signCount ?? 0;
    const before = await signed();
    await context.setOffline(true);
    await press(page, /^Pay/);
    await shown(page, "It is signed, and did not reach the desk. Tap again");
    await shown(page, "What you see may be old");
    await sound(page);
    await context.setOffline(false);
    await approve(page, code);
    await shown(page, "You approved it.");
    expect(await signed()).toBe(before + 1);
    expect(await pay(agent, owner, digest, request.http.url)).toBe(200);
  });

  test("for a session is approved with the passkey, and the agent buys in it [hosted-session]", async () => {
    const wanted = { scheme: BATCH_SETTLEMENT, session: { deposit: "1000" as Amount, seconds: 600 } };
    const { digest, request, at, code } = await ask(agent, owner, wanted, `${world.stack.merchant}/quote?symbol=LGO`);
    const { page } = await signedIn(owner, at);
    await readyToPay(page, code);
    await press(page, /^Set aside 0.000001 LGO with my passkey/);
    await shown(page, "You approved it.");
    const asked = await agent.look(owner.account, digest);
    if (asked.state !== "approved") throw new Error(asked.state);
    const { channelConfig: session } = asked.payment.payload as { channelConfig: Session };
    const { binding } = asked.payment.accepted.extra as { binding: Digest };
    const voucher = { session: sessionId(session), lane: "0", serial: "1", maxClaimableAmount: request.payment.amount, binding };
    const payload = { ...asked.payment.payload, ...(await signVoucher(voucher, agent.signer)) };
    const header = { [PAYMENT_SIGNATURE]: encodeHeader({ ...asked.payment, payload }) };
    expect((await fetch(request.http.url, { headers: header })).status).toBe(200);
  });

  test("waits while the desk is down; the open page says so, and shows what happened meanwhile once it is back [hosted-desk-down]", async () => {
    const first = await ask(agent, owner);
    const { page, context } = await signedIn(owner);
    await shown(page, first.code);
    await context.route("**/api/**", (route) => route.abort("internetdisconnected"));
    await shown(page, "The desk does not answer; this page asks again.");
    await sound(page);
    await agent.send("POST", agent.at(owner.account, `requests/${first.digest}/cancel`), {});
    const second = await ask(agent, owner);
    await context.unroute("**/api/**");
    await shown(page, second.code);
    await expect.poll(() => page.getByText(first.code).count()).toBe(0);
    await expect.poll(() => page.getByText("The desk does not answer").count()).toBe(0);
    await go(page, second.at);
    await approve(page, second.code);
    await shown(page, "You approved it.");
    expect(await pay(agent, owner, second.digest, second.request.http.url)).toBe(200);
  });

  test("is pushed to a browser that its owner added with the passkey, sealed and signed for it [hosted-push]", async () => {
    const { page } = await signedIn(owner);
    // No push service of the world is asked: the page's own push manager is another one. All else is the page's.
    const browsers: ReturnType<typeof pushes.subscribe>[] = [];
    await page.exposeFunction("subscribeAtTest", (key: string) => {
      const browser = pushes.subscribe(key);
      browsers.push(browser);
      return browser.subscription;
    });
    await page.evaluate(`Notification.requestPermission = async () => "granted";
      PushManager.prototype.getSubscription = async () => null;
      PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
        const made = await subscribeAtTest(applicationServerKey);
        return { toJSON: () => made };
      };`);
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByLabel("Your name for this device").fill("Phone on the table");
    await press(page, "Notify this device");
    await shown(page, "Phone on the table");
    await shown(page, pushes.host);
    const { digest, code } = await ask(agent, owner);
    const [browser] = browsers;
    await expect.poll(() => browser?.arrived).toMatchObject([{ path: `/#/request/${digest}`, text: expect.stringContaining(code) }]);
    expect([pushes.problems, browsers.length]).toEqual([[], 1]);
    await press(page, /^Remove/);
    await expect.poll(() => page.getByText("Phone on the table").count()).toBe(0);
  });

  test("that expires while it is open can no longer be approved [hosted-expires]", async () => {
    const { at } = await ask(agent, owner, { expiresIn: 8 });
    const { page } = await signedIn(owner, at);
    await shown(page, "It expired. It can no longer be paid.");
    expect(await page.getByRole("button", { name: /^Pay/ }).count()).toBe(0);
  });

  test("becomes an allowance: the limits are read before they are signed, the agent pays within them, and they end [hosted-grants]", async () => {
    const { at } = await ask(agent, owner);
    const { page } = await signedIn(owner, at);
    await page.getByRole("link", { name: "Grant an allowance instead" }).click();
    await page.getByLabel("In all at most").fill("a lot");
    await sound(page);
    await press(page, "Read it before you sign");
    await shown(page, "An amount is written as in 0.25 LGO.");
    await page.getByLabel("In all at most").fill("0.00003 lgo");
    await press(page, "Read it before you sign");
    await shown(page, "at most 0.00003 LGO in all");
    await sound(page);
    await page.getByLabel("Type the short code of the allowance").fill("7F3K-9QPD");
    await press(page, "Grant it with my passkey");
    await shown(page, "That is not the short code of this allowance.");
    const code = (await page.locator(".codes .code").textContent()) ?? "";
    await page.getByLabel("Type the short code of the allowance").fill(code);
    await press(page, "Grant it with my passkey");
    await shown(page, "Granted. The agent fetches it from this desk");
    const granted = await agent.send("GET", agent.at(owner.account, "mandates"));
    const [mandate] = (granted.body.data as Granted).mandates;
    if (!mandate) throw new Error("no mandate");
    const buy = async () => {
      const { request } = await agent.request(url());
      const checked = await checkPaymentRequest(request, unixNow());
      if (!checked.ok) throw new Error(checked.problem);
      const payment = await signWithin(mandate, request, checked, agent.signer, unixNow());
      return (await fetch(request.http.url, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(payment) } })).status;
    };
    expect(await buy()).toBe(200);
    await page.getByRole("link", { name: "To the allowances" }).click();
    await shown(page, "0.00001 LGO spent");
    await press(page, /^Revoke/);
    await press(page, "Revoke (final)");
    await shown(page, "is revoked: the agent pays no more under it.");
    expect(await buy()).toBe(402);
  });
});
