/** The seller's page: who sees it, what it adds up, and what strangers' words can do there. */

import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { MAX_SELLER_PAGE_LINES, MAX_SELLER_PAGE_READS, SALES_PAGE } from "../../shared/limits.ts";
import { csvRows } from "../../shared/text/csv.ts";
import type { PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { sellerPage } from "../../workers/merchant/paywall/seller-page.ts";
import { totalsOf } from "../../workers/merchant/paywall/seller/totals.ts";
import { dayBefore, LAST_DAY, registerWith, sale, type Sales, SELLER_KEY, WEEK } from "./seller-register.ts";

const BASIC = `Basic ${btoa(`seller:${SELLER_KEY}`)}`;

let log: MockInstance<typeof console.log>;
beforeEach(() => {
  log = vi.spyOn(console, "log").mockImplementation(() => {});
  vi.useFakeTimers({ toFake: ["Date"], now: (LAST_DAY + 3600) * 1000 });
});
afterEach(() => {
  log.mockRestore();
  vi.useRealTimers();
});

function shop(sales: Sales, env: Record<string, unknown> = {}) {
  const app = new Hono<PaywallEnv>();
  app.route("/books", sellerPage());
  const register = registerWith(sales);
  const bindings = { PAY_TO: DEMO_MERCHANT_ACCOUNT, SELLER_KEY, DELIVERIES: register.DELIVERIES, ...env };
  const ask = (query = "", authorization: string | undefined = BASIC, origin = "https://shop.example") =>
    app.request(`${origin}/books${query}`, { headers: authorization === "" ? {} : { Authorization: authorization } }, bindings);
  return { ask, calls: register.calls, page: async (query = "") => (await ask(query)).text() };
}
const plain = (html: string) =>
  html
    .replace(/<style>[^]*<\/style>/, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");

test("sales on another network are counted beside the sums, and never in them [native-seller-page]", async () => {
  const elsewhere = { ...sale({ route: "GET /native" }), network: "lez:devnet" };
  const [ours, both] = [shop(WEEK), shop(new Map([...WEEK, [LAST_DAY, [...(WEEK.get(LAST_DAY) ?? []), elsewhere]]]))];
  const page = plain(await both.page());
  expect(page).toContain("1 more on lez:* are not shown here");
  expect(page).not.toContain("GET /native");
  expect(page.replace(/1 more on lez[^.]*\. /, "")).toBe(plain(await ours.page()));
});

describe("the key", () => {
  test("is the password of HTTP Basic, or a bearer key [seller-page-key]", async () => {
    const { ask } = shop(WEEK);
    expect((await ask("", BASIC)).status).toBe(200);
    expect((await ask("", `Bearer ${SELLER_KEY}`)).status).toBe(200);
  });

  test.each([
    ["none", ""],
    ["another", `Basic ${btoa("seller:" + "0".repeat(48))}`],
    ["the user name's place", `Basic ${btoa(`${SELLER_KEY}:`)}`],
    ["no colon", `Basic ${btoa(SELLER_KEY)}`],
    ["no base64", "Basic ***"],
    ["a part", `Bearer ${SELLER_KEY.slice(0, -1)}`],
    ["a longer one", `Bearer ${SELLER_KEY}0`],
  ])("shown as %s opens nothing, and nothing is read", async (_, authorization) => {
    const { ask, calls } = shop(WEEK);
    const answer = await ask("", authorization);
    expect([answer.status, answer.headers.get("WWW-Authenticate")]).toEqual([401, 'Basic realm="Sales", charset="UTF-8"']);
    expect(await answer.text()).not.toContain("GET /report");
    expect(calls()).toBe(0);
  });

  test.each([[undefined], [""], ["short"], [`with a blank ${"x".repeat(40)}`]])(
    "%j does not start the page [seller-page-no-key]",
    async (key) => {
      const { ask, calls } = shop(WEEK, { SELLER_KEY: key });
      for (const shown of ["", `Basic ${btoa(`seller:${key ?? ""}`)}`, `Bearer ${key ?? "undefined"}`]) {
        const answer = await ask("", shown);
        expect([answer.status, answer.headers.get("WWW-Authenticate")]).toEqual([500, null]);
      }
      expect(calls()).toBe(0);
    },
  );

  test("is not asked for where others could read it [seller-page-https]", async () => {
    const { ask } = shop(WEEK);
    for (const authorization of ["", BASIC]) {
      const answer = await ask("", authorization, "http://shop.example");
      expect([answer.status, answer.headers.get("WWW-Authenticate")]).toEqual([403, null]);
    }
    expect((await ask("", BASIC, "http://localhost:8787")).status).toBe(200);
    const behindProxy = shop(WEEK, { PUBLIC_ORIGIN: "https://shop.example" });
    expect((await behindProxy.ask("", BASIC, "http://10.0.0.1")).status).toBe(200);
  });
});

test("nothing on it can run, be framed or be cached [seller-page-policy]", async () => {
  const { ask } = shop(WEEK);
  for (const authorization of [BASIC, ""]) {
    const { headers } = await ask("", authorization);
    expect(headers.get("Content-Security-Policy")).toMatch(
      /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; .*frame-ancestors 'none'$/,
    );
    expect(headers.get("Cache-Control")).toBe("no-store");
  }
});

describe("the sums", () => {
  const { all, days, open } = totalsOf([
    { day: LAST_DAY, whole: true, sales: [...(WEEK.get(LAST_DAY) ?? [])] },
    { day: dayBefore(1), whole: true, sales: [...(WEEK.get(dayBefore(1)) ?? [])] },
  ]);

  test("count what moved, and set apart what may not have [seller-page-sums]", () => {
    expect(all).toEqual({ sales: 28, sold: 29_334_000_000n, pending: 1, owed: 1, refunds: 1 });
    expect(days.map(({ sold }) => sold)).toEqual([14_250_000_000n, 15_084_000_000n]);
  });

  test("list all that is open, with what it waits for", () => {
    expect(open.lines.map(({ waits }) => waits)).toEqual(["goods", "money", "give_back", "refund"]);
  });

  test("count a transaction once, also where two days have it [seller-page-once]", async () => {
    const one = sale();
    const text = plain(
      await shop(
        new Map([
          [LAST_DAY, [one]],
          [dayBefore(1), [one, sale()]],
        ]),
      ).page(),
    );
    expect(text).toContain("Sold 2 LGO");
    expect(text).toContain("Sales 2 ");
  });

  test("are of the days that were asked for, today's last", async () => {
    const text = plain(await shop(WEEK).page("?to=2026-01-29&days=1"));
    expect(text).toContain("Sold 21 LGO");
    expect(text).not.toContain("2026-01-31 ");
    expect(plain(await shop(WEEK).page())).toContain("2026-01-31 14.25 LGO");
  });

  test("are the shop's own word, and the page says how to check them [seller-page-unchecked]", async () => {
    const text = plain(await shop(WEEK).page());
    expect(text).toContain("Nothing here is checked against the ledger:");
    expect(text).toContain("lez-agent-pay sales summary --merchant-url https://shop.example");
  });
});

describe("states", () => {
  test("no sales", async () => {
    expect(plain(await shop(new Map()).page())).toContain("No sale is recorded of these days.");
  });

  test("the register does not answer: 503, and no sum is shown", async () => {
    const getByName = () => ({ listSales: () => Promise.reject(new Error("overloaded")) });
    const answer = await shop(new Map(), { DELIVERIES: { getByName } }).ask();
    expect(answer.status).toBe(503);
    expect(plain(await answer.text())).not.toContain("Sold");
  });

  test.each([
    ["PAY_TO", "nobody"],
    ["DELIVERIES", undefined],
  ])("without %s it says that it is not set up", async (name, value) => {
    expect((await shop(new Map(), { [name]: value }).ask()).status).toBe(500);
  });

  test.each(["?to=yesterday", "?to=2026-02-30", "?days=0", "?days=32", "?days=1e1", "?format=xml", "?to=9999-99-99"])(
    "%s is a 400",
    async (query) => {
      expect((await shop(WEEK).ask(query)).status).toBe(400);
    },
  );

  test("10,000 sales are read page by page, and added up to the unit", async () => {
    const { page, calls } = shop(
      new Map([[LAST_DAY, Array.from({ length: 10_000 }, (_, i) => sale({ route: `GET /r/${i}`, amount: "3" }))]]),
    );
    const html = await page("?days=1");
    expect(plain(html)).toContain("Sold 0.00003 LGO Sales 10000 ");
    expect(calls()).toBe(11);
    expect(plain(html)).toContain(`${10_000 - MAX_SELLER_PAGE_LINES} more lines are in the CSV.`);
    expect(html.length).toBeLessThan(100_000);
  });

  test("beyond its calls the page says that sums are of a part, and gives no file [seller-page-part]", async () => {
    const full = Array.from({ length: SALES_PAGE }, () => sale());
    let calls = 0;
    const listSales = async () => (calls++, full.map((one) => ({ ...one, transaction: sale().transaction })));
    const { ask, page } = shop(new Map(), { DELIVERIES: { getByName: () => ({ listSales }) } });
    expect(plain(await page("?days=2"))).toContain("every sum is of a part");
    expect(calls).toBe(MAX_SELLER_PAGE_READS);
    expect((await ask("?days=2&format=csv")).status).toBe(400);
  });
});

describe("strangers' words", () => {
  const MARKUP = `<script>alert(1)</script><img src=x onerror=alert(2)>"'>\u202e`;
  const hostile = new Map([
    [LAST_DAY, [sale({ route: MARKUP, paymentId: MARKUP, status: "owed", refund: { state: "owed", code: MARKUP as never } })]],
  ]);

  test("are text in every place, and what hides is shown as its number [seller-page-hostile]", async () => {
    const html = await shop(hostile).page();
    expect(html).not.toMatch(/<script|<img|\u202e/);
    expect(html.match(/&lt;script&gt;/g)).toHaveLength(4);
    expect(html).toContain("⟦U+202E⟧");
  });

  test("cannot act as a formula in the file [seller-page-csv]", async () => {
    const answer = await shop(new Map([[LAST_DAY, [sale({ route: "=HYPERLINK(1)", paymentId: "@SUM(A1)" })]]])).ask("?format=csv");
    expect(answer.headers.get("Content-Disposition")).toBe('attachment; filename="sales-2026-01-31-7.csv"');
    const text = await answer.text();
    expect(text).toContain(`"'=HYPERLINK(1)"`);
    expect(text).toContain(`"'@SUM(A1)"`);
    const [, row] = [...csvRows(text)];
    expect(row?.cells.slice(0, 5)).toEqual(["2026-01-31", "=HYPERLINK(1)", "1000000000", "1", "delivered"]);
  });
});
