/** When an owner is told, and of what: the tables of a desk over node:sqlite, its clock, and a network that answers as each test says. */

import { createECDH } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import type { PartObject } from "../../shared/desk/hosted-api.ts";
import { MAX_APPROVAL_AGE_SECONDS, NOTICE_FLOOD_GAP_SECONDS, NOTICE_GAP_SECONDS, NOTICE_PAUSES_SECONDS } from "../../shared/limits.ts";
import { type PaymentRequest, requestDigest } from "../../shared/protocol/payment-request.ts";
import { Notices } from "../../workers/desk/notices/notices.ts";
import { askFacts, type Notice, noticeOf, summaryOf } from "../../workers/desk/notices/text.ts";
import { keepPart } from "../../workers/desk/parts.ts";
import { migrateDesk } from "../../workers/desk/schema.ts";
import { putDeskSetting } from "../../workers/desk/settings.ts";
import type { DeskStore } from "../../workers/desk/store.ts";
import { NOW as FIXED, ON_CHAIN, REPORT } from "../web/scenes.ts";
import { decryptPush, verifyVapid } from "./push-reader.ts";

const START = 1_800_000_000;
const LIFE = 3600;
const DESK = "https://desk.example";
const NTFY = "https://ntfy.example.com/owner";
const AGENT = "aa".repeat(32);
const OTHER_AGENT = "bb".repeat(32);
const MADE = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
const PUSH_KEY = JSON.stringify(await crypto.subtle.exportKey("jwk", MADE.privateKey));

/** What was sent, and what the next answers are: a status, or a network that fails. */
let sent: { url: string; init: RequestInit }[];
let answers: (number | Error)[];
beforeEach(() => {
  [sent, answers] = [[], []];
  vi.useFakeTimers({ now: START * 1000, toFake: ["Date"] });
  vi.stubGlobal("fetch", async (url: string | URL, init: RequestInit) => {
    sent.push({ url: String(url), init });
    const answer = answers.shift() ?? 201;
    if (answer instanceof Error) throw answer;
    return new Response(null, { status: answer });
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function newDesk(env: { PUSH_KEY?: string } = { PUSH_KEY }) {
  const database = new DatabaseSync(":memory:");
  const store: DeskStore = {
    sql: (statement, ...bindings) => database.prepare(statement).all(...bindings),
    transact: (body) => body(),
    size: () => 0,
  };
  migrateDesk(store);
  putDeskSetting(store, "origin", DESK);
  for (const [key, name] of [
    [AGENT, "Research agent"],
    [OTHER_AGENT, "Errand agent"],
  ] as const) {
    store.sql("INSERT INTO agent (public_key, name, paired_at, folded) VALUES (?, ?, ?, 0)", key, name, START);
  }
  const notices = new Notices(env, store);
  const asked: string[] = [];
  return {
    store,
    notices,
    now: () => Math.floor(Date.now() / 1000),
    /** @returns the request's digest */
    ask({ amount = "10000", agent = AGENT, life = LIFE, reason = "to know" } = {}): string {
      const digest = bodyDigest(utf8(`request ${asked.length}`));
      asked.push(digest);
      const request = { payment: { amount, scheme: "exact" }, reason, http: { url: "https://shop.example/premium?q=secret" } };
      const now = Math.floor(Date.now() / 1000);
      store.sql(
        "INSERT INTO request (digest, agent_key, state, request, asked_at, expires_at) VALUES (?, ?, 'pending', ?, ?, ?)",
        digest,
        agent,
        JSON.stringify(request),
        now,
        now + life,
      );
      return digest;
    },
    decide: (digest: string) => store.sql("UPDATE request SET state = 'declined' WHERE digest = ?", digest),
    /** Rings the alarm as often as it is due within so many seconds. */
    async pass(seconds: number): Promise<void> {
      const end = Date.now() + seconds * 1000;
      for (let rings = 0; rings < 1000; rings++) {
        const at = notices.nextAt();
        if (at === undefined || at * 1000 > end) break;
        vi.setSystemTime(Math.max(Date.now(), at * 1000));
        await notices.due(at);
      }
      vi.setSystemTime(end);
    },
  };
}

function browser(name: string) {
  const keys = createECDH("prime256v1");
  keys.generateKeys();
  const auth = Buffer.alloc(16, name);
  const endpoint = `https://fcm.googleapis.com/fcm/send/${name}`;
  const subscription = { endpoint, keys: { p256dh: keys.getPublicKey("base64url"), auth: auth.toString("base64url") } };
  return {
    subscription,
    read: (init: RequestInit) =>
      JSON.parse(decryptPush(Buffer.from(init.body as Uint8Array), { privateKey: keys.getPrivateKey(), auth })) as Notice,
  };
}

const textsTo = (url: string) => sent.filter((each) => each.url === url).map(({ init }) => Buffer.from(init.body as Uint8Array).toString());
const addNtfy = ({ notices, now }: ReturnType<typeof newDesk>) => notices.set("webhook.add", { format: "ntfy", url: NTFY }, now());

describe("an owner is told", () => {
  test("who asks, how much, and the code; never why or where [notice-says-little]", async () => {
    const desk = newDesk();
    const phone = browser("phone");
    expect(desk.notices.set("device.add", { subscription: phone.subscription, label: "My phone" }, START)).toBeUndefined();
    expect(addNtfy(desk)).toBeUndefined();
    const digest = desk.ask();
    await desk.pass(0);
    expect(sent).toHaveLength(2);
    const push = sent.find(({ url }) => url === phone.subscription.endpoint);
    expect(verifyVapid(new Headers(push?.init.headers).get("authorization") ?? "").claims).toEqual({
      aud: "https://fcm.googleapis.com",
      exp: START + 3600,
      sub: DESK,
    });
    expect(push?.init).toMatchObject({ redirect: "manual", headers: { TTL: String(LIFE), Urgency: "high" } });
    const notice = phone.read(push?.init ?? {});
    expect(notice).toMatchObject({ title: "Research agent asks for 0.00001 LGO", path: `/#/request/${digest}`, tag: digest });
    const [ntfy = ""] = textsTo(NTFY);
    for (const text of [JSON.stringify(notice), ntfy]) {
      expect(text).toMatch(/[0-9A-Z]{4}-[0-9A-Z]{4}/);
      expect(text).not.toMatch(/secret|premium|to know|shop/);
    }
    expect(new Headers(sent.find(({ url }) => url === NTFY)?.init.headers).get("click")).toBe(`${DESK}/#/request/${digest}`);
  });

  test("why and where, too, if that is what the owner set", async () => {
    const desk = newDesk();
    addNtfy(desk);
    expect(desk.notices.set("notices.say-more", { on: true }, START)).toBeUndefined();
    desk.ask({ reason: "first line\nsecond \u202Eline" });
    await desk.pass(0);
    expect(textsTo(NTFY)[0]).toContain("For https://shop.example/premium?q=secret\nIt says: first line second ⟦U+202E⟧line");
  });

  test("once of a flood, and then of the rest together [notice-flood]", async () => {
    const desk = newDesk();
    addNtfy(desk);
    desk.ask();
    await desk.pass(1);
    for (let count = 0; count < 30; count++) desk.ask();
    await desk.pass(NOTICE_GAP_SECONDS);
    expect(textsTo(NTFY)).toHaveLength(2);
    expect(textsTo(NTFY)[1]).toContain("Research agent asks for 30 payments\n0.0003 LGO in all");
    for (let count = 0; count < 30; count++) desk.ask();
    await desk.pass(NOTICE_FLOOD_GAP_SECONDS - 10);
    expect(textsTo(NTFY)).toHaveLength(2);
    await desk.pass(20);
    expect(textsTo(NTFY)).toHaveLength(3);
  });

  test("of one agent whatever another one does", async () => {
    const desk = newDesk();
    addNtfy(desk);
    desk.ask();
    await desk.pass(1);
    desk.ask({ agent: OTHER_AGENT, amount: "5" });
    await desk.pass(0);
    expect(textsTo(NTFY)[1]).toContain("Errand agent asks for 0.000000005 LGO");
  });

  test("again before the end, once, and not of what was decided [notice-reminder]", async () => {
    const desk = newDesk();
    addNtfy(desk);
    const first = desk.ask();
    desk.ask({ agent: OTHER_AGENT });
    desk.ask({ agent: OTHER_AGENT, life: 200 });
    await desk.pass(1);
    expect(textsTo(NTFY)).toHaveLength(2);
    desk.decide(first);
    await desk.pass(LIFE);
    expect(textsTo(NTFY)).toHaveLength(3);
    expect(textsTo(NTFY)[2]).toMatch(
      /^Still waiting: Errand agent asks for .*\nCode .*Without a decision it ends at \d\d:\d\d UTC, and nothing is paid\.$/,
    );
    expect(desk.notices.nextAt()).toBeUndefined();
  });

  test("of nothing before there is a device, and of what waits once there is one", async () => {
    const desk = newDesk();
    desk.ask();
    expect(desk.notices.nextAt()).toBeUndefined();
    addNtfy(desk);
    expect(desk.notices.nextAt()).toBe(START);
  });
});

describe("the other keys of a policy are told", () => {
  const key = (name: string) => ({ key: name, proof: { kind: "ed25519" as const, publicKey: name, signature: name } });
  /** One key signs a payment in part. */
  function signs(desk: ReturnType<typeof newDesk>, digest: string, name: string, object: "authorization" | "session" = "authorization") {
    const times = { validAfter: String(START), validBefore: String(START + 1800) };
    keepPart(desk.store, digest, { object: { [object]: times } as unknown as PartObject, ...key(name) }, desk.now());
  }
  function proposes(desk: ReturnType<typeof newDesk>, ...names: string[]): string {
    const mandate = bodyDigest(utf8("mandate"));
    desk.store.sql(
      "INSERT OR REPLACE INTO proposal (agent_key, digest, mandate, granted_at, ends_at, proofs) VALUES (?, ?, ?, ?, ?, ?)",
      AGENT,
      mandate,
      JSON.stringify({ agent: AGENT, total: "5000000000", note: "a secret note" }),
      START,
      START + LIFE,
      JSON.stringify(Object.fromEntries(names.map((name) => [name, key(name).proof]))),
    );
    return mandate;
  }

  test.each(["authorization", "session"] as const)(
    "of %s that one of them has signed, at once and once for each key [notice-part]",
    async (object) => {
      const desk = newDesk();
      const phone = browser("phone");
      desk.notices.set("device.add", { subscription: phone.subscription, label: "My phone" }, START);
      addNtfy(desk);
      const digest = desk.ask();
      await desk.pass(1);
      signs(desk, digest, "first", object);
      expect(desk.notices.nextAt()).toBe(desk.now());
      await desk.pass(0);
      await desk.pass(5);
      const ends = new Date((START + MAX_APPROVAL_AGE_SECONDS) * 1000).toISOString().slice(11, 16);
      expect(textsTo(NTFY).slice(1)).toEqual([
        expect.stringMatching(
          new RegExp(
            `^Another key is asked: Research agent asks for 0.00001 LGO\\nCode .{9}. 1 key has signed, and that is not enough. It ends at ${ends} UTC.$`,
          ),
        ),
      ]);
      expect(phone.read(sent.at(-1)?.init ?? {})).toMatchObject({ path: `/#/request/${digest}`, tag: digest });
      signs(desk, digest, "first", object);
      await desk.pass(5);
      signs(desk, digest, "second", object);
      await desk.pass(5);
      expect(textsTo(NTFY).slice(2)).toEqual([expect.stringContaining("2 keys have signed")]);
    },
  );

  test("of nothing that is decided, or that came too late", async () => {
    const desk = newDesk();
    addNtfy(desk);
    const [first, second] = [desk.ask({ agent: OTHER_AGENT }), desk.ask()];
    await desk.pass(1);
    signs(desk, first, "first");
    desk.decide(first);
    signs(desk, second, "first");
    vi.setSystemTime((START + MAX_APPROVAL_AGE_SECONDS + 1) * 1000);
    await desk.pass(1);
    expect(textsTo(NTFY)).toHaveLength(2);
  });

  test("of an allowance that one of them proposes, and not why [notice-proposal]", async () => {
    const desk = newDesk();
    const phone = browser("phone");
    desk.notices.set("device.add", { subscription: phone.subscription, label: "My phone" }, START);
    addNtfy(desk);
    const mandate = proposes(desk, "first");
    await desk.pass(5);
    expect(textsTo(NTFY)).toEqual([
      expect.stringMatching(/^Another key is asked: an allowance for Research agent, 5 LGO in all\nCode .{9}. 1 key has signed, and/),
    ]);
    expect(phone.read(sent.find(({ url }) => url === phone.subscription.endpoint)?.init ?? {})).toMatchObject({
      path: "/#/allowances",
      tag: mandate,
    });
    expect(JSON.stringify(textsTo(NTFY))).not.toContain("secret");
  });

  test("again if the first try did not arrive", async () => {
    const desk = newDesk();
    addNtfy(desk);
    answers = [503];
    proposes(desk, "first");
    await desk.pass(NOTICE_PAUSES_SECONDS[0] ?? 0);
    expect(sent).toHaveLength(2);
  });

  test("of none that was granted or dropped before the notice got through", async () => {
    const desk = newDesk();
    addNtfy(desk);
    answers = [503];
    proposes(desk, "first");
    await desk.pass(1);
    desk.store.sql("DELETE FROM proposal");
    await desk.pass(LIFE);
    expect(sent).toHaveLength(1);
    expect(desk.store.sql("SELECT * FROM told_signing")).toEqual([]);
    expect(desk.notices.nextAt()).toBeUndefined();
  });
});

describe("what does not arrive", () => {
  test("is tried again, so often and no more, and shown [notice-retries]", async () => {
    const desk = newDesk();
    addNtfy(desk);
    desk.ask({ life: 12 * 3600 });
    answers = [503, new Error("connection refused"), 429, 500];
    await desk.pass(NOTICE_PAUSES_SECONDS.reduce((sum, pause) => sum + pause, 0));
    expect(sent).toHaveLength(NOTICE_PAUSES_SECONDS.length + 1);
    expect(desk.notices.view().webhooks).toMatchObject([{ format: "ntfy", url: NTFY, lastProblem: "it answered 500" }]);
    await desk.pass(3600);
    expect(sent).toHaveLength(NOTICE_PAUSES_SECONDS.length + 1);
  });

  test("is forgotten as a problem once something arrives", async () => {
    const desk = newDesk();
    addNtfy(desk);
    desk.ask();
    answers = [503];
    await desk.pass(NOTICE_PAUSES_SECONDS[0] ?? 0);
    expect(sent).toHaveLength(2);
    expect(desk.notices.view().webhooks[0]).not.toHaveProperty("lastProblem");
  });

  test("is not tried again where that would change nothing, or the owner decided meanwhile", async () => {
    const desk = newDesk();
    addNtfy(desk);
    const digest = desk.ask();
    answers = [403];
    await desk.pass(60);
    expect(sent).toHaveLength(1);
    await desk.pass(NOTICE_GAP_SECONDS);
    desk.decide(digest);
    const second = desk.ask();
    answers = [503];
    await desk.pass(1);
    desk.decide(second);
    await desk.pass(LIFE);
    expect(sent).toHaveLength(2);
  });

  test.each([404, 410])("deletes a subscription that has ended: %i [push-gone]", async (status) => {
    const desk = newDesk();
    desk.notices.set("device.add", { subscription: browser("old").subscription, label: "Old phone" }, START);
    addNtfy(desk);
    desk.ask();
    answers = [status, status];
    await desk.pass(60);
    expect(desk.notices.view()).toMatchObject({ devices: [], webhooks: [{ lastProblem: `it answered ${status}` }] });
  });

  test("is the device's problem alone: others are told", async () => {
    const desk = newDesk();
    const [bad, good] = [browser("bad"), browser("good")];
    const offCurve = { ...bad.subscription.keys, p256dh: Buffer.alloc(65, 4).toString("base64url") };
    desk.notices.set("device.add", { subscription: { ...bad.subscription, keys: offCurve }, label: "Broken" }, START);
    desk.notices.set("device.add", { subscription: good.subscription, label: "Good" }, START + 1);
    desk.ask();
    await desk.pass(1);
    expect(sent.map(({ url }) => url)).toEqual([good.subscription.endpoint]);
    expect(desk.notices.view().devices).toMatchObject([
      { label: "Broken", host: "fcm.googleapis.com", lastProblem: "the keys of the subscription are no browser's" },
      { label: "Good" },
    ]);
  });
});

describe("settings", () => {
  const setting = (...of: Parameters<Notices["set"]>) => newDesk().notices.set(...of)?.error.code;
  const subscription = browser("x").subscription;

  test("have a limit: 8 devices, 3 webhooks; one that is added again is no other", () => {
    const { notices } = newDesk();
    const device = (name: string) => notices.set("device.add", { subscription: browser(name).subscription, label: name }, START);
    for (let count = 0; count < 8; count++) expect(device(`phone-${count}`)).toBeUndefined();
    expect(device("phone-0")).toBeUndefined();
    expect(device("phone-8")).toMatchObject({ error: { code: "desk_full" } });
    const webhook = (path: string) => notices.set("webhook.add", { format: "ntfy", url: `https://ntfy.sh/${path}` }, START);
    for (const path of ["a", "b", "c", "c"]) expect(webhook(path)).toBeUndefined();
    expect(webhook("d")).toMatchObject({ error: { code: "desk_full" } });
    const { devices, webhooks } = notices.view();
    expect([devices.length, webhooks.length]).toEqual([8, 3]);
    expect(notices.set("device.remove", { id: devices[0]?.id }, START)).toBeUndefined();
    expect(notices.set("device.remove", { id: devices[0]?.id }, START)).toMatchObject({ error: { code: "not_found" } });
    expect(notices.set("webhook.remove", { id: webhooks[0]?.id }, START)).toBeUndefined();
    expect(device("phone-8")).toBeUndefined();
  });

  test.each<[what: string, ...Parameters<Notices["set"]>]>([
    [
      "a subscription at a stranger's server",
      "device.add",
      { subscription: { ...subscription, endpoint: "https://evil.example/" }, label: "x" },
      START,
    ],
    ["a short key", "device.add", { subscription: { ...subscription, keys: { ...subscription.keys, auth: "AAAA" } }, label: "x" }, START],
    ["more members than are signed for", "device.add", { subscription, label: "x", admin: true }, START],
    ["no label", "device.add", { subscription, label: "" }, START],
    ["a webhook on this machine", "webhook.add", { format: "ntfy", url: "https://127.0.0.1/x" }, START],
    ["a format that is none", "webhook.add", { format: "email", url: NTFY }, START],
    ["a Slack webhook elsewhere", "webhook.add", { format: "slack", url: NTFY }, START],
    ["a word for a switch", "notices.say-more", { on: "yes" }, START],
    ["an id that is none", "webhook.remove", { id: "../1" }, START],
  ])("refuse %s", (_what, ...of) => expect(setting(...of)).toBe("usage"));

  test("without PUSH_KEY there are webhooks alone [push-key-absent]", async () => {
    const desk = newDesk({});
    expect(desk.notices.set("device.add", { subscription, label: "x" }, START)).toMatchObject({ error: { code: "unsupported" } });
    addNtfy(desk);
    desk.ask();
    await desk.pass(0);
    expect(sent).toHaveLength(1);
  });
});

test("of a request on the chain itself name the network and say where it is signed; two moneys have no sum [notice-native]", () => {
  const told = (request: PaymentRequest) => ({
    digest: requestDigest(request),
    facts: askFacts(request, requestDigest(request), "Scout"),
    expiresAt: FIXED,
  });
  const [chain, mock] = [told(ON_CHAIN), told(REPORT)];
  expect(noticeOf(chain, false)).toMatchObject({
    title: "Scout asks for 0.00001 LGO on lez:devnet",
    text: expect.stringMatching(/^Code [0-9A-Z-]{9}\. Sign it at a terminal until 08:53 UTC\.$/) as string,
  });
  expect(summaryOf([chain, mock], "a").text).toBe("0.25 LGO in all, at most. 1 on the chain itself. They wait at the desk.");
  expect(summaryOf([chain, chain], "a").text).toBe("2 on the chain itself. They wait at the desk.");
});
