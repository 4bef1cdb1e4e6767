/** Who is let in to a hosted desk, and which proofs count. Each refusal has a code, and leaves nothing behind. */

import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { Digest } from "../shared/crypto/digest.ts";
import { DESK_CALL_HEADER } from "../shared/desk/agent-api.ts";
import { signDeskCall } from "../shared/desk/call-check.ts";
import { DESK_PROOF_SECONDS, MAX_DESK_ASK_BYTES, MAX_DESK_CALL_BYTES, MAX_DESK_LOGINS } from "../shared/limits.ts";
import { authorizationDigest } from "../shared/protocol/authorization.ts";
import type { Login } from "../shared/protocol/desk.ts";
import type { Policy } from "../shared/protocol/policy.ts";
import { generateSecretKey, keySigner } from "../shared/protocol/signer.ts";
import { unixNow } from "../shared/time.ts";
import type { PaymentPayload } from "../shared/x402/x402.ts";
import { Agent, Page, passkeyAt, randomHex, type SendOptions } from "./desk/people.ts";
import { useDesk } from "./desk/world.ts";
import { owner, stranger } from "./fixtures.ts";
import { accountOfTestPolicy, type AssertionChanges, policyOf, TestPasskey } from "./passkey.ts";

const world = useDesk();

async function signedIn(): Promise<Page> {
  const page = new Page(world.desk, world.passkey());
  expect((await page.signIn()).verdict).toBe("ok");
  return page;
}

describe("a call of a page", () => {
  test.each<[string, string, SendOptions, number, string]>([
    ["from another origin", "state", { headers: { origin: "https://evil.example" } }, 403, "desk_refused"],
    ["from another port of this machine", "state", { headers: { origin: "http://localhost:1" } }, 403, "desk_refused"],
    [
      "from an origin that only begins like this one",
      "state",
      { headers: { origin: "http://localhost.evil.example" } },
      403,
      "desk_refused",
    ],
    ["from nowhere", "state", { headers: { origin: "null" } }, 403, "desk_refused"],
    ["without an origin", "state", { headers: { origin: null } }, 403, "desk_refused"],
    ["from another site, as the browser says", "state", { headers: { "sec-fetch-site": "cross-site" } }, 403, "desk_refused"],
    ["from a sister site", "state", { headers: { "sec-fetch-site": "same-site" } }, 403, "desk_refused"],
    ["that a person typed", "state", { headers: { "sec-fetch-site": "none" } }, 403, "desk_refused"],
    ["as a form", "state", { headers: { "content-type": "application/x-www-form-urlencoded" } }, 415, "desk_refused"],
    ["as text", "state", { headers: { "content-type": "text/plain" } }, 415, "desk_refused"],
    ["as JSON with a charset", "state", { headers: { "content-type": "application/json; charset=utf-8" } }, 415, "desk_refused"],
    ["as a GET", "state", { method: "GET" }, 405, "desk_refused"],
    ["as a PUT", "state", { method: "PUT" }, 405, "desk_refused"],
    ["to a call that there is not", "toString", {}, 404, "not_found"],
    ["with a body that is no JSON", "state", { body: "{" }, 400, "usage"],
    ["with a key twice", "keys", { body: '{"account":"a","account":"b"}' }, 400, "usage"],
    ["with a member that there is not", "state", { body: '{"more":1}' }, 400, "usage"],
    ["with a body without end", "state", { body: `{"a":"${"x".repeat(MAX_DESK_CALL_BYTES)}"}` }, 413, "payload_too_large"],
    ["without a cookie", "state", { headers: { cookie: null } }, 401, "signed_out"],
    ["with a cookie of another name", "state", { headers: { cookie: `desk=${"0".repeat(64)}` } }, 401, "signed_out"],
    ["with a cookie that is none", "state", { headers: { cookie: "__Host-desk=../../x.y" } }, 401, "signed_out"],
  ])("%s is refused [desk-hosted-gate]", async (_, name, options, status, code) => {
    const page = await signedIn();
    const sent = await page.send(name, {}, options);
    expect([sent.status, sent.verdict]).toEqual([status, code]);
    expect(sent.body.error).toMatchObject({ message: expect.stringMatching(/\.$/), hint: expect.stringMatching(/\.$/) });
  });

  test("with another account's token, or with two cookies, is refused [desk-other-cookie]", async () => {
    const [mine, theirs] = [await signedIn(), await signedIn()];
    const [, token = ""] = mine.cookie?.split(".") ?? [];
    const crossed = `__Host-desk=${theirs.account}.${token}`;
    for (const cookie of [crossed, `${mine.cookie}; ${theirs.cookie}`, `${mine.cookie}; ${mine.cookie}`])
      expect((await mine.send("state", {}, { headers: { cookie } })).verdict).toBe("signed_out");
    expect((await mine.send("state", {})).verdict).toBe("ok");
  });

  test("is answered with headers that let no other page in, and no cache keep it [desk-hosted-headers]", async () => {
    const page = await signedIn();
    const answer = await page.send("state", {});
    const html = await fetch(`${world.desk}/`);
    for (const headers of [answer.headers, html.headers])
      expect(Object.fromEntries(headers)).toMatchObject({
        "content-security-policy": expect.stringMatching(
          /default-src 'none'; script-src 'self';.*connect-src 'self';.*frame-ancestors 'none'/,
        ),
        "permissions-policy": expect.stringContaining("publickey-credentials-get=(self), publickey-credentials-create=(self)"),
        "cache-control": "no-store",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
      });
    expect(html.headers.get("set-cookie")).toBeNull();
    expect([(await fetch(`${world.desk}/`, { method: "POST" })).status, (await fetch(`${world.desk}/../.env`)).status]).toEqual([405, 404]);
  });
});

describe("a login", () => {
  test("makes a token of its own: one that was planted before is worth nothing [desk-fixation]", async () => {
    const page = new Page(world.desk, world.passkey());
    const planted = `__Host-desk=${page.account}.${"ab".repeat(32)}`;
    page.cookie = planted;
    const sent = await page.signIn();
    expect(sent.headers.get("set-cookie")).toMatch(
      /^__Host-desk=[1-9A-HJ-NP-Za-km-z]+\.[0-9a-f]{64}; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=3600$/,
    );
    expect(page.cookie).not.toBe(planted);
    const first = page.cookie;
    await page.signIn();
    expect(page.cookie).not.toBe(first);
    // What the browser showed at the login is closed by it.
    for (const cookie of [planted, first ?? ""]) expect((await page.send("state", {}, { headers: { cookie } })).verdict).toBe("signed_out");
    expect((await page.send("state", {})).verdict).toBe("ok");
  });

  test("is ended by a logout, and the cookie goes", async () => {
    const page = await signedIn();
    const out = await page.send("logout", {});
    expect(out.headers.get("set-cookie")).toMatch(/^__Host-desk=; .*Max-Age=0$/);
    expect((await page.send("state", {})).verdict).toBe("signed_out");
  });

  test("counts once [desk-login-replayed]", async () => {
    const page = new Page(world.desk, world.passkey());
    const signed = await page.signedLogin();
    expect((await page.signIn(signed)).verdict).toBe("ok");
    expect((await page.signIn(signed)).verdict).toBe("replayed");
    expect((await page.send("state", {})).verdict).toBe("ok");
  });

  test.each<[string, (page: Page) => Promise<Partial<Login>> | Partial<Login>, string]>([
    ["for another origin", () => ({ origin: "https://other-desk.example" }), "request_differs"],
    ["with a nonce that is not the desk's", () => ({ nonce: randomHex(32) as Digest }), "proof_expired"],
    [
      "with another account's nonce",
      async () => ({ nonce: (await new Page(world.desk, world.passkey()).signedLogin()).login.nonce }),
      "proof_expired",
    ],
    ["that was signed long ago", () => ({ issuedAt: String(unixNow() - DESK_PROOF_SECONDS - 5) }), "proof_expired"],
    ["that is dated ahead", () => ({ issuedAt: String(unixNow() + 120) }), "proof_expired"],
    ["of another account", () => ({ account: world.passkey().account }), "invalid_signature"],
  ])("%s is refused", async (_, changes, code) => {
    const page = new Page(world.desk, world.passkey());
    const sent = await page.signIn(await page.signedLogin(await changes(page)));
    expect([sent.verdict, sent.headers.get("set-cookie")]).toEqual([code, null]);
  });

  test("asks for any number of nonces of an unknown account without a row, and a known owner still gets in [desk-nonce-flood]", async () => {
    const page = await signedIn();
    const unknown = (await keySigner(generateSecretKey())).account;
    const mine = await page.signedLogin();
    const flood = [unknown, page.account].flatMap((account) => Array.from({ length: 300 }, () => page.send("loginNonce", { account })));
    const verdicts = new Set((await Promise.all(flood)).map(({ verdict }) => verdict));
    expect(verdicts).toEqual(new Set(["ok"]));
    expect((await page.signIn(mine)).verdict).toBe("ok");
    expect(await page.call("keys", { account: unknown })).toEqual({ account: unknown, passkeys: [] });
  });

  test(`the ${MAX_DESK_LOGINS + 1}th device signs the first one out`, async () => {
    const page = await signedIn();
    const first = page.cookie ?? "";
    for (let i = 0; i < MAX_DESK_LOGINS; i++) {
      page.cookie = undefined;
      await page.signIn();
    }
    expect((await page.send("state", {}, { headers: { cookie: first } })).verdict).toBe("signed_out");
    expect((await page.send("state", {})).verdict).toBe("ok");
  });
});

describe("a setting", () => {
  test("changes once for each signature, and not by another account's [desk-setting-replayed]", async () => {
    const page = await signedIn();
    const setting = await page.signedSetting("notices.say-more", { on: true });
    expect((await page.send("set", { setting })).body.data.noticesSayMore).toBe(true);
    expect((await page.set("notices.say-more", { on: false })).body.data.noticesSayMore).toBe(false);
    expect((await page.send("set", { setting })).verdict).toBe("replayed");
    expect((await page.call("settings", {})).noticesSayMore).toBe(false);
    const other = await signedIn();
    expect((await other.send("set", { setting })).verdict).toBe("invalid_signature");
  });

  test.each<[string, Parameters<Page["signedSetting"]>, string]>([
    ["for another desk", ["notices.say-more", { on: true }, { desk: "https://other-desk.example" }], "request_differs"],
    [
      "that was signed long ago",
      ["notices.say-more", { on: true }, { issuedAt: String(unixNow() - DESK_PROOF_SECONDS - 60) }],
      "proof_expired",
    ],
    ["that there is not", ["notices.say-more", {}, { setting: "money.give" }], "usage"],
    ["whose value is no JSON", ["keys.set", {}, { value: "{" }], "usage"],
    ["with another account's keys", ["keys.set", { account: "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj", passkeys: [] }], "usage"],
  ])("%s is refused", async (_, made, code) => {
    const page = await signedIn();
    expect((await page.send("set", { setting: await page.signedSetting(...made) })).verdict).toBe(code);
  });

  test.each<[string, Policy, RegExp]>([
    ["one key twice", policyOf(1, owner, owner), /policy\.keys: must be sorted, without repetition/],
    ["a threshold above its keys", policyOf(3, owner, stranger), /threshold: is more than there are keys/],
  ])("the record of a policy with %s is refused [desk-policy-refused]", async (_, policy, words) => {
    const sent = await (await signedIn()).set("keys.set", { account: accountOfTestPolicy(policy), policy, passkeys: [] });
    expect(sent).toMatchObject({ verdict: "usage", body: { error: { message: expect.stringMatching(words) } } });
  });

  test("the record of keys is kept as it was signed, and only with keys of the account", async () => {
    const passkey = passkeyAt(world.desk);
    const page = new Page(world.desk, { account: passkey.account, prove: (digest) => passkey.prove(digest) });
    await page.signIn();
    const kept = { credentialId: "AAAA", publicKey: passkey.publicKey, rpId: passkey.rpId, label: "Phone" };
    const record = { account: page.account, passkeys: [kept] };
    expect((await page.set("keys.set", record)).verdict).toBe("ok");
    expect(await page.call("keys", { account: page.account })).toEqual(record);
    const foreign = passkeyAt(world.desk);
    expect((await page.set("keys.set", { ...record, passkeys: [{ ...kept, publicKey: foreign.publicKey }] })).verdict).toBe("usage");
    expect((await page.set("keys.set", { ...record, passkeys: [{ ...kept, rpId: "other.example" }] })).verdict).toBe("usage");
  });
});

test.each([[["a.example", "b.example"]], [["a.example", "a.example"]], [["a.example, b.example"]]])(
  "hosts %j are refused as the other Workers refuse them [desk-two-hosts]",
  async (hosts) => {
    const { hostname, port } = new URL(world.desk);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.write(`GET / HTTP/1.1\r\n${hosts.map((host) => `Host: ${host}\r\n`).join("")}Connection: close\r\n\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [^]*Host: must be named once/);
  },
);

test.each([
  ["/api/keys", () => `Origin: ${world.desk}\r\nContent-Type: application/json`],
  ["/agent/x/requests", () => `${DESK_CALL_HEADER}: e30`],
])("%s whose body ends early is refused, and is no fault of the desk", async (path, headers) => {
  const { hostname, port, host } = new URL(world.desk);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ host: hostname, port: Number(port) });
  let answer = "";
  socket
    .on("data", (chunk) => (answer += String(chunk)))
    .on("close", () => resolve(answer))
    .on("error", reject);
  socket.end(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers()}\r\nContent-Length: 20\r\n\r\n{}`);
  expect(await promise).toMatch(/^HTTP\/1\.1 413 [^]*"code":"payload_too_large"/);
});

describe("a call of an agent", () => {
  test("counts once, for what it was signed for, in its minute [desk-call-replayed]", async () => {
    const { page, agent } = await world.paired();
    const path = agent.at(page.account, "mandates");
    const sent = { desk: world.desk, method: "GET", path, body: new Uint8Array() };
    const header = await signDeskCall(sent, agent.signer, unixNow());
    expect((await agent.send("GET", path, undefined, header)).verdict).toBe("ok");
    expect(await agent.send("GET", path, undefined, header)).toMatchObject({ verdict: "replayed", status: 409 });
    const refused: [string, string, unknown, string][] = [
      ["GET", `${path}?more`, undefined, await signDeskCall(sent, agent.signer, unixNow())],
      ["GET", path, undefined, await signDeskCall(sent, agent.signer, unixNow() - 62)],
      ["GET", path, undefined, await signDeskCall(sent, agent.signer, unixNow() + 62)],
      [
        "POST",
        agent.at(page.account, "unpair"),
        {},
        await signDeskCall({ ...sent, method: "POST", path: agent.at(page.account, "unpair") }, agent.signer, unixNow()),
      ],
      ["GET", path, undefined, await signDeskCall({ ...sent, desk: "https://other.example" }, agent.signer, unixNow())],
      ["GET", path, undefined, "not-a-call"],
    ];
    for (const [method, at, body, call] of refused)
      expect(await agent.send(method, at, body, call)).toMatchObject({ verdict: "call_refused", status: 401 });
    // The call of one account's desk is no call of another's.
    const other = await world.paired();
    const elsewhere = await signDeskCall(sent, agent.signer, unixNow());
    expect((await agent.send("GET", agent.at(other.page.account, "mandates"), undefined, elsewhere)).verdict).toBe("call_refused");
    expect((await agent.send("GET", agent.at(other.page.account, "mandates"))).verdict).toBe("not_paired");
  });

  test.each<[string, string, string, unknown, string, number]>([
    ["a method that there is not", "DELETE", "requests", {}, "not_found", 404],
    ["a path that there is not", "GET", "secrets", undefined, "not_found", 404],
    ["a digest that is none", "GET", "requests/zz", undefined, "not_found", 404],
    ["a longer path", "GET", `requests/${"00".repeat(32)}/cancel/more`, undefined, "not_found", 404],
    ["a body of another shape", "POST", "requests", { request: {} }, "usage", 400],
    ["a body where there is none", "POST", "unpair", { more: 1 }, "usage", 400],
    ["a body without end", "POST", "requests", { more: "x".repeat(MAX_DESK_ASK_BYTES) }, "payload_too_large", 413],
  ])("with %s is refused", async (_, method, path, body, code, status) => {
    const { page, agent } = await world.paired();
    expect(await agent.send(method, agent.at(page.account, path), body)).toMatchObject({ verdict: code, status });
  });

  test("to an account that never signed in is refused, as are logins to it, and nothing is stored [desk-stores-no-strangers]", async () => {
    await signedIn();
    const before = world.storedDesks();
    expect(before).toBeGreaterThan(0);
    const agent = await Agent.create(world.desk);
    for (let i = 0; i < 20; i++) {
      const page = new Page(world.desk, world.passkey());
      expect((await agent.send("GET", agent.at(page.account, "mandates"))).verdict).toBe("not_paired");
      expect((await page.signIn(await page.signedLogin({ origin: "https://other-desk.example" }))).verdict).toBe("request_differs");
      page.cookie = `__Host-desk=${page.account}.${"0".repeat(64)}`;
      expect((await page.send("state", {})).verdict).toBe("signed_out");
    }
    expect(world.storedDesks()).toBe(before);
    expect((await agent.send("GET", agent.at("x", "mandates"))).verdict).toBe("not_found");
  });
});

describe("an assertion that does not count", () => {
  interface Case {
    name: string;
    changes?: AssertionChanges;
    /** In place of the authorization's own digest. */
    over?: Digest;
    passkey?: (own: TestPasskey) => TestPasskey;
    names: string;
  }
  const CASES: Case[] = [
    { name: "of another origin", changes: { client: { origin: "https://evil.example" } }, names: "domain" },
    { name: "of another port, with the domain's hash", changes: { client: { origin: "http://localhost.evil.example" } }, names: "origin" },
    { name: "of a registration", changes: { client: { type: "webauthn.create" } }, names: "type" },
    { name: "over another challenge", over: "77".repeat(32) as Digest, names: "challenge" },
    { name: "with a padded challenge", changes: { client: { challenge: `${"A".repeat(43)}=` } }, names: "challenge" },
    { name: "of another domain", changes: { rpId: "evil.example" }, names: "another account" },
    { name: "without the user", changes: { flags: 0x1c }, names: "present" },
    { name: "without verification of the user", changes: { flags: 0x19 }, names: "verified" },
    { name: "from inside a frame", changes: { client: { crossOrigin: true } }, names: "crossOrigin" },
    { name: "with extensions", changes: { flags: 0x9d, extra: new Uint8Array([0xa0]) }, names: "authenticatorData" },
    { name: "with the other s", changes: { highS: true }, names: "signature" },
    { name: "of another account", passkey: (own) => new TestPasskey(own.rpId, randomHex(32), own.origin), names: "another account" },
    { name: "with a key member twice", changes: { clientText: '{"type":"webauthn.get","type":"webauthn.get"}' }, names: "duplicate" },
  ];
  const seen: string[] = [];

  test.each(CASES)("$name is refused and named [desk-assertions]", async ({ name, changes = {}, over, passkey: other, names }) => {
    const own = passkeyAt(world.desk);
    const people = await world.paired({ account: own.account, prove: (digest) => own.prove(digest) });
    const { page, agent } = people;
    const { digest } = await world.asked(people);
    const right = await page.payment(digest);
    const { authorization } = right.payload as { authorization: Parameters<typeof authorizationDigest>[0] };
    const proof = (other?.(own) ?? own).assert(over ?? authorizationDigest(authorization), changes);
    const payment: PaymentPayload = { ...right, payload: { authorization, proof } };
    const sent = await page.send("decide", { payment });
    seen.push(`${name.padEnd(42)} ${sent.verdict}: ${sent.body.error?.message}`);
    expect(sent).toMatchObject({ verdict: "invalid_signature", body: { error: { message: expect.stringContaining(names) } } });
    expect((await agent.look(page.account, digest)).state).toBe("pending");
    expect((await page.send("decide", { payment: right })).verdict).toBe("ok");
  });

  test("an assertion for one request is none for another, and none again [desk-assertion-replayed]", async () => {
    const people = await world.paired();
    const { page } = people;
    const [first, second] = [await world.asked(people), await world.asked(people)];
    const made = await page.payment(first.digest);
    const other = await page.payment(second.digest);
    const moved: PaymentPayload = { ...other, payload: { ...other.payload, proof: made.payload["proof"] } };
    const sent = await page.send("decide", { payment: moved });
    seen.push(`${"replayed for another request".padEnd(42)} ${sent.verdict}: ${sent.body.error?.message}`);
    expect(sent).toMatchObject({ verdict: "invalid_signature", body: { error: { message: expect.stringContaining("challenge") } } });
    await page.call("decide", { payment: made });
    const record = {
      decision: { requestDigest: first.digest, decision: "declined", code: "other", decidedAt: "2026-01-31T12:00:00Z" },
      signed: false,
    };
    expect((await page.send("refuse", { record })).verdict).toBe("decided_meanwhile");
    console.log(`Refused assertions:\n${seen.join("\n")}`);
  });
});
