/** The page of the desk in a real browser, with fixed answers: what it shows, what it sends, and who can use it. */

import type { BrowserContextOptions, Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { approvalWire } from "../../shared/desk/approval-wire.ts";
import { MAX_AMOUNT, MAX_NAME_LENGTH, MAX_REASON_LENGTH, MAX_URL_LENGTH } from "../../shared/limits.ts";
import { requestDigest, shortCode } from "../../shared/protocol/payment-request.ts";
import { ATTACKS } from "../../shared/screen/testing/hostile-text.ts";
import { contrastViolations, violations } from "./axe.ts";
import { expectPaintsSoon } from "./first-paint.ts";
import { type SceneServer, serveScene } from "./scene-server.ts";
import {
  type Asked,
  asked,
  BROKEN,
  DATASET_DIGEST,
  EMPTY,
  failed,
  FULL,
  itemOf,
  NOW,
  ON_CHAIN,
  ON_CHAIN_DIGEST,
  ON_CHAIN_VIEW,
  REPORT,
  REPORT_DIGEST,
  type Scene,
  viewOf,
} from "./scenes.ts";
import { useBrowser } from "./use-browser.ts";

const browser = useBrowser();
let server: SceneServer;
beforeEach(async () => {
  server = await serveScene(FULL);
});
afterEach(() => server.close());

const PAGES = {
  inbox: { at: "#/", shows: "to reports.heatpumps.example" },
  all: { at: "#/all", shows: "declined" },
  approval: { at: `#/request/${REPORT_DIGEST}`, shows: "What you would sign" },
  onChain: { at: `#/request/${ON_CHAIN_DIGEST}`, shows: "Sign it at a terminal" },
  warnings: { at: `#/request/${DATASET_DIGEST}`, shows: "Look twice" },
  allowances: { at: "#/allowances", shows: "Weather data for the irrigation plan" },
  history: { at: "#/history", shows: "Per merchant" },
  receipt: { at: `#/receipt/${REPORT_DIGEST}`, shows: "What was checked" },
} as const;
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } as const;
const NARROW = { viewport: { width: 320, height: 640 } } as const;

interface Opened {
  page: Page;
  /** Every address that the browser asked for. */
  asked: string[];
  /** Errors of scripts and of the policy, and dialogs. */
  trouble: string[];
}

/** A page of its own, gone with the test. */
async function open(at: string = "#/", options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.context(options);
  closing.push(() => context.close());
  const page = await context.newPage();
  const opened: Opened = { page, asked: [], trouble: [] };
  context.on("request", (request) => opened.asked.push(request.url()));
  page.on("pageerror", ({ message }) => opened.trouble.push(message));
  page.on("console", (message) => {
    // A refused call is an answer that the page shows.
    if (message.type() === "error" && !/status of (4\d\d)|ERR_EMPTY_RESPONSE/.test(message.text())) opened.trouble.push(message.text());
  });
  page.on("dialog", (dialog) => {
    opened.trouble.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.clock.setFixedTime(NOW * 1000);
  await page.goto(server.link);
  if (at !== "#/") await go(page, at);
  return opened;
}
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const go = (page: Page, at: string) => page.evaluate(`location.hash = ${JSON.stringify(at)}`);
const shown = (page: Page, text: string) => page.getByText(text).first().waitFor();

const overflow = async (page: Page) => Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));

describe("every page", () => {
  test.each(Object.entries(PAGES))(
    "%s can be read by a screen reader, light and dark, and fits 320 and 390 px [web-axe]",
    async (_, { at, shows }) => {
      const { page, asked, trouble } = await open(at, { ...PHONE, colorScheme: "dark" });
      await shown(page, shows);
      expect(await contrastViolations(page)).toEqual([]);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      await page.emulateMedia({ colorScheme: "light" });
      await page.setViewportSize(NARROW.viewport);
      expect(await violations(page)).toEqual([]);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      expect(trouble).toEqual([]);
      expect(asked.filter((url) => !url.startsWith(`${server.origin}/`))).toEqual([]);
    },
  );

  test.each<[string, Scene, Record<keyof typeof PAGES, string>]>([
    [
      "on the first day",
      EMPTY,
      { ...never(), inbox: "Nothing to decide", all: "No requests yet", allowances: "No allowance is open", history: "No payments" },
    ],
    ["where nothing can be read", BROKEN, everywhere("The audit log cannot be read.")],
  ])("%s says so, without a violation [web-states]", async (_, scene, texts) => {
    server.scene = scene;
    const { page, trouble } = await open("#/", NARROW);
    for (const [name, text] of Object.entries(texts) as [keyof typeof PAGES, string][]) {
      if (text === "") continue;
      await go(page, PAGES[name].at);
      await shown(page, text);
      expect(await violations(page), name).toEqual([]);
      expect(await overflow(page), name).toBeLessThanOrEqual(0);
    }
    expect(trouble).toEqual([]);
  });

  test("says when the desk is gone, keeps what it shows, and goes on when it is back [web-offline]", async () => {
    const { page } = await open("#/", PHONE);
    await shown(page, PAGES.inbox.shows);
    server.away = true;
    await shown(page, "The desk does not answer.");
    await shown(page, PAGES.inbox.shows);
    expect(await violations(page)).toEqual([]);
    server.away = false;
    await page.getByText("The desk does not answer.").first().waitFor({ state: "detached" });
  });

  test("without the link's token it asks only which desk this is, and says what to open [web-no-token]", async () => {
    const context = await browser.context(NARROW);
    closing.push(() => context.close());
    const page = await context.newPage();
    await page.goto(`${server.origin}/`);
    await shown(page, "This page has no key to the desk");
    expect(await violations(page)).toEqual([]);
    expect(server.calls).toEqual([{ name: "desk", ask: {} }]);
  });
});

function never(): Record<keyof typeof PAGES, string> {
  return everywhere("");
}
function everywhere(text: string): Record<keyof typeof PAGES, string> {
  return Object.fromEntries(Object.keys(PAGES).map((name) => [name, text])) as Record<keyof typeof PAGES, string>;
}

test("the token leaves the address at once, and is in no storage [web-token]", async () => {
  const { page } = await open();
  await shown(page, PAGES.inbox.shows);
  expect(page.url()).toBe(`${server.origin}/#/`);
  expect(await page.evaluate("JSON.stringify([document.cookie, localStorage.length, sessionStorage.length])")).toBe('["",0,0]');
  await page.reload();
  await shown(page, "This page has no key to the desk");
});

test("500 requests are shown a hundred at a time [web-many]", async () => {
  const many = Array.from({ length: 500 }, (_, i) =>
    itemOf(REPORT, { requestDigest: i.toString(16).padStart(64, "0"), reason: `Number ${i}.` }),
  );
  server.scene = {
    ...FULL,
    requests: ({ cursor = "0" }) => {
      const from = Number(cursor);
      const next = from + 100 < many.length ? String(from + 100) : undefined;
      return { ok: true, data: { requests: many.slice(from, from + 100), unreadable: [], nextCursor: next } };
    },
  };
  const { page } = await open("#/", NARROW);
  await shown(page, "Number 0.");
  expect(await page.locator(".rows > li").count()).toBe(100);
  expect(await violations(page)).toEqual([]);
  for (const count of [200, 300, 400, 500]) {
    await page.getByRole("button", { name: "Show more" }).click();
    await expect.poll(() => page.locator(".rows > li").count()).toBe(count);
  }
  expect(await page.getByRole("button", { name: "Show more" }).count()).toBe(0);
  expect(await overflow(page)).toBeLessThanOrEqual(0);
});

describe("an approval", () => {
  const approved = { ok: true as const, data: { shortCode: shortCode(REPORT_DIGEST), approved: itemOf(REPORT).price, awaited: true } };

  test("amount and payee are the largest things on its page [web-largest]", async () => {
    const { page } = await open(PAGES.approval.at);
    await shown(page, PAGES.approval.shows);
    const sizes = (await page.evaluate(
      `[...document.querySelectorAll("main *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
        .map((e) => [parseFloat(getComputedStyle(e).fontSize), e.textContent.trim()]).sort((a, b) => b[0] - a[0]).slice(0, 3)`,
    )) as [number, string][];
    expect(sizes.map(([, text]) => text)).toEqual(["0.25 LGO", "to reports.heatpumps.example", "reports.heatpumps.example"]);
    expect(sizes[0]?.[0]).toBeGreaterThan(1.5 * (sizes[1]?.[0] ?? 0));
  });

  test("by the keyboard alone: what is sent is the digest of what is shown, and the passphrase leaves the page [web-keyboard]", async () => {
    let state: "pending" | "approved" = "pending";
    server.scene = {
      ...FULL,
      request: () => ({ ok: true, data: itemOf(REPORT, { state }) }),
      approve: () => ((state = "approved"), approved),
    };
    const { page } = await open();
    await shown(page, PAGES.inbox.shows);
    const focused = () =>
      page.evaluate("document.activeElement?.textContent + '|' + (document.activeElement?.labels?.[0]?.textContent ?? '')");
    const tabTo = async (text: string) => {
      for (let i = 0; i < 40 && !String(await focused()).includes(text); i++) await page.keyboard.press("Tab");
      expect(await focused()).toContain(text);
    };
    await tabTo("reports.heatpumps.example");
    await page.keyboard.press("Enter");
    await shown(page, PAGES.approval.shows);
    expect(await focused()).toContain("0.25 LGO");
    await tabTo("Passphrase of your key");
    await page.keyboard.type("correct horse battery");
    await page.keyboard.press("Enter");
    await shown(page, "You approved it.");
    await shown(page, "The agent waits for this, and pays now.");
    const sent = server.calls.filter(({ name }) => name === "approve").map(({ ask }) => ask);
    expect(sent).toEqual([{ reading: "a".repeat(32), digest: REPORT_DIGEST, typed: "", passphrase: "correct horse battery" }]);
    expect(await page.content()).not.toContain("correct horse");
  });

  test("a wrong passphrase is said, its field is empty and has the focus [web-passphrase]", async () => {
    server.scene = { ...FULL, approve: () => failed("keystore_locked", "The passphrase does not open this key.") };
    const { page } = await open(PAGES.approval.at);
    const field = page.getByLabel("Passphrase of your key");
    await field.fill("wrong");
    await field.press("Enter");
    await page.getByRole("alert").getByText("The passphrase does not open this key.").waitFor();
    expect(await field.inputValue()).toBe("");
    expect(await violations(page)).toEqual([]);
  });

  test("of terms that no host confirms needs the short code before anything is sent [web-typed]", async () => {
    server.scene = { ...FULL, approve: () => approved };
    const { page } = await open(PAGES.warnings.at);
    await shown(page, "This host does not confirm these terms");
    await page.getByLabel("Passphrase of your key").fill("secret");
    await page.getByLabel("Type the short code").fill("12.5 LGO");
    await page.getByRole("button", { name: "Pay 12.5 LGO" }).click();
    await shown(page, "That is not the short code of this request.");
    expect(server.calls.filter(({ name }) => name === "approve")).toEqual([]);
    await page.getByLabel("Type the short code").fill(shortCode(DATASET_DIGEST).toLowerCase().replace("-", " "));
    await page.getByRole("button", { name: "Pay 12.5 LGO" }).click();
    await expect.poll(() => server.calls.filter(({ name }) => name === "approve").length).toBe(1);
  });

  test("of another request than the address names is not offered [web-other-request]", async () => {
    const { read } = FULL;
    server.scene = { ...FULL, read: () => read?.({ request: DATASET_DIGEST }) ?? failed("internal", "no scene") };
    const { page } = await open(PAGES.approval.at);
    await shown(page, "The desk answers with another request.");
    expect(await page.getByRole("button", { name: /^Pay/ }).count()).toBe(0);
  });

  test("that was changed on its way to the page is not offered [web-changed]", async () => {
    const view = approvalWire(await viewOf(REPORT, { known: true }), undefined);
    const lie = { ...view, request: view.request.replace('"amount":"250000000"', '"amount":"1"') };
    server.scene = { ...FULL, read: () => ({ ok: true, data: { reading: "a".repeat(32), view: lie } }) };
    const { page } = await open(PAGES.approval.at);
    await shown(page, "The request is not valid");
    expect(await page.getByRole("button", { name: /^Pay/ }).count()).toBe(0);
  });

  test("that expires while it is open can no longer be given [web-expires]", async () => {
    const { page } = await open();
    await shown(page, PAGES.inbox.shows);
    await go(page, PAGES.warnings.at);
    await shown(page, "2 min left");
    await page.clock.setFixedTime((NOW + 171) * 1000);
    await shown(page, "This request expired while it was open.");
    expect(await page.getByRole("button", { name: /^Pay/ }).count()).toBe(0);
    expect(await violations(page)).toEqual([]);
  });

  test("a no is a choice and a note [web-declines]", async () => {
    server.scene = { ...FULL, decline: () => ({ ok: true, data: { shortCode: shortCode(REPORT_DIGEST) } }) };
    const { page } = await open(PAGES.approval.at, PHONE);
    await page.getByRole("button", { name: "Decline…" }).click();
    expect(await violations(page)).toEqual([]);
    await page.getByLabel("Too expensive").check();
    await page.getByLabel("A note for the agent").fill("Half of that would do.");
    await page.getByRole("button", { name: "Decline (final)" }).click();
    await expect
      .poll(() => server.calls.filter(({ name }) => name === "decline").map(({ ask }) => ask))
      .toEqual([{ request: REPORT_DIGEST, code: "too_expensive", note: "Half of that would do." }]);
  });

  test("on the chain itself is a command for a terminal and an unsigned no; no key is asked for here [web-on-chain]", async () => {
    const code = shortCode(ON_CHAIN_DIGEST);
    server.scene = { ...FULL, decline: () => ({ ok: true, data: { shortCode: code } }) };
    const { page } = await open(PAGES.onChain.at, PHONE);
    await shown(page, `lez-agent-pay approve ${code}`);
    for (const text of ["10000 lepta, exactly", "at most 0.0001 LGO = 100000 lepta by the offer", "native LEZ transfer on lez:devnet"])
      await shown(page, text);
    expect(await page.getByRole("button", { name: "Approve" }).count()).toBe(0);
    expect(await page.getByLabel("Passphrase of your key").count()).toBe(0);
    await page.getByRole("button", { name: "Decline…" }).click();
    expect(await page.getByLabel("Sign it with my key").count()).toBe(0);
    expect(await violations(page)).toEqual([]);
    await page.getByLabel("Too expensive").check();
    await page.getByRole("button", { name: "Decline (final)" }).click();
    await expect
      .poll(() => server.calls.filter(({ name }) => name === "decline").map(({ ask }) => ask))
      .toEqual([{ request: ON_CHAIN_DIGEST, code: "too_expensive" }]);
    expect(server.calls.map(({ name }) => name)).not.toContain("read");
  });

  test("on the chain itself that a server changed, or that is over, is not shown for approval [web-on-chain-over]", async () => {
    const view = { ...ON_CHAIN_VIEW, request: ON_CHAIN_VIEW.request.replace('"amount":"10000"', '"amount":"1"') };
    const item = (more: object) => () => ({ ok: true as const, data: itemOf(ON_CHAIN, more) });
    server.scene = { ...FULL, readNative: () => ({ ok: true, data: { view } }) };
    const { page } = await open(PAGES.onChain.at);
    await shown(page, "The request is not valid");
    server.scene = { ...FULL, request: item({ state: "cancelled", decidedElsewhere: true }) };
    await shown(page, "It no longer waits: it was decided at a terminal, or its agent took it back.");
    server.scene = { ...FULL, request: item({ state: "approved" }) };
    await shown(page, `lez-agent-pay revoke ${shortCode(ON_CHAIN_DIGEST)}`);
    expect(await page.getByRole("button", { name: "Take the approval back…" }).count()).toBe(0);
    expect(await violations(page)).toEqual([]);
  });

  test("a shorter validity is read again before it is signed [web-shorter]", async () => {
    const { page } = await open(PAGES.approval.at);
    await page.getByLabel("Valid after you sign").selectOption({ label: "for 60 s" });
    await expect
      .poll(() => server.calls.filter(({ name }) => name === "read").at(-1)?.ask)
      .toEqual({ request: REPORT_DIGEST, expiresIn: 60 });
  });
});

describe("strangers' words", () => {
  /** A name has at most a hundred characters. */
  const MARKUP = `<img src=x onerror="alert(1)"><script>alert(2)</script>"'><svg onload=alert(3)>javascript:alert(4)`;

  /** The scene with a text in every place where a stranger writes. */
  async function hostile(text: string, wish: Partial<Asked> = {}): Promise<Scene> {
    const honest = { url: REPORT.http.url, amount: "250000000" };
    const request = await asked({ ...honest, reason: text, agentName: text, merchantName: text, ...wish });
    const view = await viewOf(request, { known: true, description: text, parts: { headers: [["X-Note", text]], body: new Uint8Array() } });
    const item = itemOf(request, {
      decision: { code: "other", note: text, decidedAt: request.createdAt, signed: false },
      refusal: text,
    });
    const { mandates, history, receipt } = FULL;
    return {
      ...FULL,
      requests: () => ({ ok: true, data: { requests: [item], unreadable: [text] } }),
      request: ({ request: digest }) => ({ ok: true, data: digest === REPORT_DIGEST ? { ...item, state: "refused" } : item }),
      read: () => ({ ok: true, data: { reading: "a".repeat(32), view: approvalWire(view, undefined) } }),
      state: () => failed("network", text, text),
      mandates: () =>
        changed(mandates?.({ all: true }), (data) => {
          for (const mandate of data.mandates)
            Object.assign(mandate, { note: text, origins: [text], payees: [text], agentKey: text, problem: text, usage: undefined });
          data.unreadable = [{ file: text, problem: text }];
        }),
      history: () =>
        changed(history?.({ days: 30 }), (data) => {
          for (const one of data.list)
            Object.assign(one, { agent: text, merchant: text, reason: text, url: text, request: text, mandate: "" });
          data.merchants.lines = data.merchants.lines.map((line) => ({ ...line, name: text }));
          data.known = { agents: [text], merchants: [text] };
        }),
      receipt: () =>
        changed(receipt?.({ request: REPORT_DIGEST }), (data) => {
          Object.assign(data.report.says ?? {}, { reason: text, url: text, payTo: text, payer: text, transaction: text });
          for (const point of data.report.points) Object.assign(point, { title: text, saw: text, verdict: "fail" });
        }),
    };
  }
  function changed<Data>(
    answer: { ok: true; data: Data } | { ok: false; error: { code: string; message: string } } | undefined,
    change: (data: Data) => void,
  ) {
    const copy = structuredClone(answer);
    if (!copy?.ok) throw new Error("the scene fails");
    change(copy.data);
    return copy;
  }

  const pagesOf = (digest: string) => ["#/", `#/request/${digest}`, PAGES.approval.at, "#/allowances", "#/history", PAGES.receipt.at];
  const opened = async (page: Page, at: string) => {
    await go(page, at);
    await page.locator("h1").waitFor();
    await expect.poll(() => page.locator("main").innerText()).not.toMatch(/(Loading|Asking)[^.]*…/);
  };
  const visit = async (page: Page, digest: string) => {
    for (const at of pagesOf(digest)) await opened(page, at);
  };

  test("are text in every place: no script runs, no element is made, nothing is fetched [web-xss]", async () => {
    server.scene = await hostile(MARKUP);
    const digest = requestDigest(
      await asked({ url: REPORT.http.url, amount: "250000000", reason: MARKUP, agentName: MARKUP, merchantName: MARKUP }),
    );
    const { page, asked: urls, trouble } = await open();
    for (const at of ["#/", `#/request/${digest}`, PAGES.approval.at, "#/allowances", "#/history", PAGES.receipt.at]) {
      await go(page, at);
      await expect.poll(() => page.locator("main").innerText()).toContain("onerror");
      expect(await page.evaluate(`document.querySelectorAll("main img, main script, main [onload], main [onerror], iframe").length`)).toBe(
        0,
      );
      expect(await page.evaluate(`[...document.querySelectorAll("a")].every(({ protocol }) => protocol === "http:")`)).toBe(true);
    }
    expect(trouble).toEqual([]);
    expect(urls.filter((url) => !url.startsWith(`${server.origin}/`))).toEqual([]);
  });

  test("of the greatest length in every field fit the smallest screen, on every page [web-longest]", async () => {
    const name = "W".repeat(MAX_NAME_LENGTH);
    const start = `https://${["a", "b", "c"].map((letter) => letter.repeat(63)).join(".")}.example/`;
    const url = start + "x".repeat(MAX_URL_LENGTH - start.length);
    const wish = { url, amount: String(MAX_AMOUNT), reason: "W".repeat(MAX_REASON_LENGTH), agentName: name, merchantName: name };
    server.scene = await hostile(name, wish);
    const digest = requestDigest(await asked(wish));
    const { page, trouble } = await open("#/", NARROW);
    for (const at of pagesOf(digest)) {
      await opened(page, at);
      expect(await overflow(page), at).toBeLessThanOrEqual(0);
      expect(await violations(page), at).toEqual([]);
    }
    await opened(page, `#/request/${digest}`);
    expect(await page.locator("main").innerText()).toContain(wish.reason);
    expect(trouble).toEqual([]);
  });

  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u; // oxlint-disable-line no-control-regex

  test("that hide, turn or move are shown as their numbers, and leave the facts where they are [web-hostile-text]", async () => {
    const { page, trouble } = await open();
    await go(page, PAGES.approval.at);
    await shown(page, PAGES.approval.shows);
    const summary = () => page.locator(".summary h1, .to-account").allInnerTexts();
    const honest = await summary();
    for (const text of Object.values(ATTACKS)) {
      server.scene = await hostile(text);
      const digest = requestDigest(
        await asked({ url: REPORT.http.url, amount: "250000000", reason: text, agentName: text, merchantName: text }),
      );
      await visit(page, digest);
      await go(page, "#/");
      await page.locator(".rows .reason").first().waitFor();
      expect(await page.locator("body").innerText()).not.toMatch(HIDDEN);
      await go(page, `#/request/${digest}`);
      await page.locator(".summary, [role=alert]").first().waitFor();
      expect(await page.locator("body").innerText()).not.toMatch(HIDDEN);
      if ((await page.locator(".summary").count()) > 0) expect(await summary()).toEqual(honest);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
    }
    expect(trouble).toEqual([]);
  });
});

test("an approval that is not used is taken back, for a reason and with the passphrase [web-takes-back]", async () => {
  let state: "approved" | "revoked" = "approved";
  const takeBack = () => (
    (state = "revoked"),
    { ok: true as const, data: { shortCode: shortCode(REPORT_DIGEST) }, notes: ["The ledger has it."] }
  );
  server.scene = { ...FULL, request: () => ({ ok: true, data: itemOf(REPORT, { state }) }), takeBack };
  const { page, trouble } = await open(PAGES.approval.at, NARROW);
  await shown(page, "You approved it. The agent has not sent the payment yet.");
  await page.getByRole("button", { name: "Take the approval back…" }).click();
  expect(await violations(page)).toEqual([]);
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  await page.getByLabel("Why").selectOption("Wrong payee");
  await page.getByLabel("Passphrase of your key").fill("secret");
  await page.getByRole("button", { name: "Take it back (final)" }).click();
  await shown(page, "You took the approval back.");
  await shown(page, "The ledger has it.");
  const asked = { request: REPORT_DIGEST, code: "wrong_payee", passphrase: "secret" };
  expect(server.calls.filter(({ name }) => name === "takeBack").map(({ ask }) => ask)).toEqual([asked]);
  expect(trouble).toEqual([]);
});

test("allowances: bars of spent, held and left, and one is revoked with the passphrase [web-revokes]", async () => {
  server.scene = { ...FULL, revokeMandate: () => ({ ok: true, data: { mandates: ["7F3K-9QPD"] } }) };
  const { page } = await open("#/allowances");
  const card = page.getByRole("article").filter({ hasText: "7F3K-9QPD" });
  await card.getByText("1.68 LGO spent").waitFor();
  await card.getByText("0.15 LGO held for payments under way").waitFor();
  await card.getByText("3.17 LGO").waitFor();
  expect(await card.locator("rect.spent").first().getAttribute("width")).toBe("33.6");
  await card.getByRole("button", { name: "Revoke allowance 7F3K-9QPD" }).click();
  expect(await violations(page)).toEqual([]);
  await card.getByLabel("Passphrase of your key, to revoke 7F3K-9QPD").fill("secret");
  await card.getByRole("button", { name: "Revoke (final)" }).click();
  await shown(page, "Allowance 7F3K-9QPD is revoked");
  expect(server.calls.find(({ name }) => name === "revokeMandate")?.ask).toEqual({ mandate: "7f".repeat(32), passphrase: "secret" });
});

test("history: a column, a bar and the fields filter it, and the log is saved as a file [web-history]", async () => {
  const { page } = await open("#/history");
  await shown(page, PAGES.history.shows);
  await shown(page, "In sessions, beside that: 0.0612 LGO");
  await shown(page, "in 204 calls to quotes.example");
  const lastFilter = () => server.calls.filter(({ name }) => name === "history").at(-1)?.ask;
  await page.getByRole("button", { name: /^2025-10-07: / }).click();
  await expect.poll(lastFilter).toEqual({ days: 30, day: "2025-10-07" });
  await page.getByRole("button", { name: /^weather\.example/ }).click();
  await expect.poll(lastFilter).toEqual({ days: 30, day: "2025-10-07", merchant: "weather.example" });
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByLabel("Agent").selectOption("Office agent");
  await page.getByLabel("Period").selectOption("90");
  await expect.poll(lastFilter).toEqual({ days: 90, agent: "Office agent" });
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Audit log (CSV)" }).click();
  expect((await saved).suggestedFilename()).toBe("audit.csv");
});

describe("the first paint", () => {
  test("waits for no data [web-paints-first]", async () => {
    server.held = true;
    const context = await browser.context(); // with the browser's own clock, which times paints
    closing.push(() => context.close());
    const page = await context.newPage();
    await page.goto(server.link);
    const painted = `performance.getEntriesByName("first-contentful-paint").length`;
    await expect.poll(() => page.evaluate(painted)).toBe(1);
    await page.getByText("lez-agent-pay").first().waitFor();
    expect(server.calls).toEqual([]);
    server.held = false;
    await shown(page, PAGES.inbox.shows);
  });

  test("comes within 300 ms at a quarter of the speed, by Chromium's own clock; on a busy machine within three times an empty page's [web-first-paint]", async () => {
    await expectPaintsSoon(browser, server.link);
  });
});
