/** The desk over HTTP: who is let in, and that its decisions are the terminal's. */

import { createServer } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { readApproval } from "../../shared/desk/approval-wire.ts";
import { readNativeWire } from "../../shared/desk/native-wire.ts";
import { approvalFacts } from "../../shared/screen/facts.ts";
import { approvalWarnings } from "../../shared/screen/warnings.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { PASSPHRASE, REASON, sandbox } from "../testing/cli.ts";
import { type Sent, startDesk, type TestDesk } from "../testing/desk.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
await people(box);
box.write("secret.txt", PASSPHRASE);
await box.run("owner create --out ./sealed.json --passphrase-file ./secret.txt");
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../sealed.json", agentFile: "../agent.json" });

let desk: TestDesk;
beforeAll(async () => {
  desk = await startDesk(box);
});
afterAll(() => desk.stop());
beforeEach(() => merchant.reset());

let purchases = 0;
async function ask(): Promise<Digest> {
  const made = await box.run(["request", "create", `${merchant.url}?${purchases++}`, "--reason", REASON, "--inbox"]);
  return made.json.data["requestDigest"] as Digest;
}
const stateOf = async (digest: Digest) => (await box.run(["request", "show", digest])).json.data["state"] as string;

async function read(request: Digest, expiresIn?: number) {
  const answer = await desk.call("read", { request, ...(expiresIn && { expiresIn }) });
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.data;
}
const approve = async (digest: Digest, more: { typed?: string; passphrase?: string } = { passphrase: PASSPHRASE }) =>
  desk.call("approve", { reading: (await read(digest)).reading, digest, ...more });

const codeOf = ({ text }: Sent) => (JSON.parse(text) as { error: { code: string } }).error.code;

describe("who is let in", () => {
  test.each<[string, Parameters<TestDesk["send"]>[0], number]>([
    ["without a token", { headers: { authorization: null } }, 401],
    ["with another token", { headers: { authorization: `Bearer ${"0".repeat(64)}` } }, 401],
    ["from another origin", { headers: { origin: "https://evil.example" } }, 403],
    ["from another port of this machine", { headers: { origin: "http://localhost:1" } }, 403],
    ["without an origin", { headers: { origin: null } }, 403],
    ["from another site, as the browser says", { headers: { "sec-fetch-site": "cross-site" } }, 403],
    ["as a form", { headers: { "content-type": "text/plain" } }, 415],
    ["to a call that there is not", { path: "/api/toString" }, 404],
    ["as a GET", { method: "GET" }, 405],
    ["with a body that is no JSON", { body: "{" }, 400],
    ["with a member that there is not", { body: '{"file":"/etc/passwd"}' }, 400],
    ["with a file in place of a request", { path: "/api/receipt", body: '{"request":"/etc/passwd"}' }, 400],
    ["with a body without end", { body: JSON.stringify({ note: "x".repeat(20_000) }) }, 413],
  ])("not a call %s [desk-gate]", async (_, options, status) => {
    const sent = await desk.send(options);
    expect([sent.status, codeOf(sent)]).toEqual([status, status === 400 ? "usage" : "desk_refused"]);
  });

  test.each([[{ host: "127.0.0.1" }], [{ host: "evil.example" }], [{ host: "localhost" }]])(
    "not by another name, for the page neither: %j [desk-host]",
    async ({ host }) => {
      for (const path of ["/", "/api/state"])
        expect((await desk.send({ method: path === "/" ? "GET" : "POST", path, headers: { host } })).status).toBe(421);
    },
  );

  test("the page is served with a policy that lets in no other script, frame or connection [desk-headers]", async () => {
    const page = await desk.send({ method: "GET", path: "/" });
    expect(page.status).toBe(200);
    expect(page.headers).toMatchObject({
      "content-security-policy": expect.stringMatching(
        /default-src 'none'; script-src 'self';.*connect-src 'self';.*frame-ancestors 'none'/,
      ),
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
    expect(page.headers["set-cookie"]).toBeUndefined();
    expect(page.text).not.toContain(desk.token);
    expect(page.text).not.toMatch(/<script[^>]*>[^<]|style=|https?:/);
    expect((await desk.send({ method: "GET", path: "/../../etc/passwd" })).status).toBe(404);
  });
});

describe("an approval", () => {
  test("signs what was read, as the terminal would, with the passphrase of this one call [desk-approves]", async () => {
    const digest = await ask();
    expect(await approve(digest)).toMatchObject({ ok: true, data: { approved: { amount: "10000" }, requestDigest: digest } });
    expect(await stateOf(digest)).toBe("approved");
    const last = (await box.run("audit list")).json.data["entries"].at(-1) as { event: string; facts: object };
    expect(last).toMatchObject({ event: "approved", facts: { requestDigest: digest, how: "desk", host: "confirmed" } });
  });

  test("is shown by the functions of the terminal, from the request's own text [desk-shown-is-signed]", async () => {
    const digest = await ask();
    const { view } = await read(digest);
    const approval = await readApproval(JSON.parse(JSON.stringify(view)) as typeof view);
    if (!approval.ok) throw new Error(approval.problem);
    expect(approval.view.checked.digest).toBe(digest);
    const shown = (await box.run(["approve", digest, "--dry-run"])).stderr.replaceAll(/\s+/g, " ");
    const said = (text: string) => shown.includes(text.replaceAll(/\s+/g, " "));
    for (const { label, value } of approvalFacts(approval.view).facts)
      if (!["Approve by", "Then valid"].includes(label)) expect(said(value), value).toBe(true);
    for (const warning of approvalWarnings(approval.view)) expect(said(warning), warning).toBe(true);
    const forged = { ...view, request: view.request.replace('"amount":"10000"', '"amount":"10001"') };
    expect(await readApproval(forged)).toMatchObject({ ok: false });
  });

  test.each<[string, { typed?: string; passphrase?: string }, string]>([
    ["with another passphrase", { passphrase: "not the passphrase" }, "keystore_locked"],
    ["without one", {}, "interaction_required"],
  ])("is not made %s [desk-passphrase]", async (_, more, code) => {
    const digest = await ask();
    expect(await approve(digest, more)).toMatchObject({ ok: false, error: { code } });
    expect(await stateOf(digest)).toBe("pending");
  });

  test("of terms that no host confirms needs the short code, typed [desk-typed]", async () => {
    const digest = await ask();
    merchant.behaviour = { instead: (_, response) => (response.writeHead(503).end(), true) };
    const passphrase = PASSPHRASE;
    for (const typed of ["", "0.00001 LGO", "AAAA-AAAA"])
      expect(await approve(digest, { typed, passphrase })).toMatchObject({ ok: false, error: { code: "typed_confirmation_required" } });
    const code = (await box.run(["request", "show", digest])).json.data["shortCode"] as string;
    expect(await approve(digest, { typed: code.toLowerCase(), passphrase })).toMatchObject({ ok: true });
  });

  test("of another request than the page shows, or of one that was forgotten, is refused [desk-reading]", async () => {
    const [digest, other] = [await ask(), await ask()];
    const { reading } = await read(digest);
    const call = { passphrase: PASSPHRASE };
    expect(await desk.call("approve", { reading, digest: other, ...call })).toMatchObject({ error: { code: "request_differs" } });
    expect(await desk.call("approve", { reading: "0".repeat(32), digest, ...call })).toMatchObject({ error: { code: "reading_expired" } });
    expect(await desk.call("approve", { reading, digest, ...call })).toMatchObject({ ok: true });
    expect(await desk.call("approve", { reading, digest, ...call })).toMatchObject({ error: { code: "reading_expired" } });
  });

  test("can end sooner than offered, and not later [desk-shorter]", async () => {
    const digest = await ask();
    const { reading, view } = await read(digest, 60);
    expect(view.expiresIn).toBe(60);
    expect(await desk.call("read", { request: digest, expiresIn: 100_000 })).toMatchObject({ ok: false, error: { code: "usage" } });
    const answer = await desk.call("approve", { reading, digest, passphrase: PASSPHRASE });
    expect(answer.ok && (answer.data as unknown as { expiresInSeconds: number }).expiresInSeconds).toBeLessThanOrEqual(60);
  });
});

test("of two tabs the second is told [desk-two-tabs]", async () => {
  const digest = await ask();
  const [first, second] = [await read(digest), await read(digest)];
  const call = { digest, passphrase: PASSPHRASE };
  expect(await desk.call("approve", { reading: first.reading, ...call })).toMatchObject({ ok: true });
  expect(await desk.call("approve", { reading: second.reading, ...call })).toMatchObject({ error: { code: "decided_meanwhile" } });
  const declined = await ask();
  const late = await read(declined);
  expect(await desk.call("decline", { request: declined, code: "other" })).toMatchObject({ ok: true });
  expect(await desk.call("approve", { reading: late.reading, digest: declined, passphrase: PASSPHRASE })).toMatchObject({
    error: { code: "declined" },
  });
  expect(await desk.call("decline", { request: declined, code: "policy" })).toMatchObject({ ok: true, data: { already: true } });
});

test("a request on the chain itself is read without a key, has its command, and is declined; nothing here signs it [desk-native-local]", async () => {
  const terms = { network: "lez:devnet" };
  const extra = { assetTransferMethod: "transaction", paymentFlow: "upfront", dialect: "v0.3", ledger: "6d".repeat(32), maxFee: "100000" };
  merchant.behaviour = { offer: terms, extra, bind: false };
  const made = await box.run(["request", "create", merchant.url, "--reason", REASON, "--inbox", "--network", "lez:devnet"]);
  const request = made.json.data["requestDigest"] as Digest;
  const listed = await desk.call("requests", { all: false });
  expect(listed.ok && listed.data.requests[0]).toMatchObject({ requestDigest: request, network: "lez:devnet", state: "pending" });
  const answer = await desk.call("readNative", { request });
  if (!answer.ok) throw new Error(answer.error.message);
  const view = await readNativeWire(answer.data.view);
  expect(view).toMatchObject({ ok: true, view: { checked: { digest: request }, host: { kind: "confirmed" } } });
  expect(await desk.call("read", { request })).toMatchObject({ ok: false, error: { code: "wrong_role" } });
  merchant.reset();
  expect(await desk.call("readNative", { request: await ask() })).toMatchObject({ ok: false, error: { code: "usage" } });
  expect(await desk.call("decline", { request, code: "too_expensive" })).toMatchObject({ ok: true });
  expect(await desk.call("request", { request })).toMatchObject({ data: { state: "declined", decision: { signed: false } } });
  expect(await desk.call("readNative", { request })).toMatchObject({ ok: false, error: { code: "declined" } });
});

test("a no has a code and a note, and is signed if the passphrase is typed [desk-declines]", async () => {
  const [plain, sealed] = [await ask(), await ask()];
  const no = { code: "too_expensive", note: "Half of that would do." } as const;
  expect(await desk.call("decline", { request: plain, ...no })).toMatchObject({ ok: true });
  expect(await desk.call("decline", { request: sealed, ...no, passphrase: PASSPHRASE })).toMatchObject({ ok: true });
  const shown = await Promise.all([plain, sealed].map((request) => desk.call("request", { request })));
  expect(shown).toMatchObject([
    { data: { state: "declined", decision: { ...no, signed: false } } },
    { data: { state: "declined", decision: { ...no, signed: true } } },
  ]);
});

test("an approval is taken back with the passphrase, for a reason, until it is used [desk-takes-back]", async () => {
  const digest = await ask();
  const call = { request: digest, code: "wrong_payee", note: "Not that shop." } as const;
  expect(await desk.call("takeBack", { ...call, passphrase: PASSPHRASE })).toMatchObject({ ok: false, error: { code: "usage" } });
  expect(await approve(digest)).toMatchObject({ ok: true });
  expect(await desk.call("takeBack", call)).toMatchObject({ ok: false, error: { code: "interaction_required" } });
  expect(await desk.call("takeBack", { ...call, passphrase: "another" })).toMatchObject({ ok: false, error: { code: "keystore_locked" } });
  expect(await stateOf(digest)).toBe("approved");
  facilitator.settlement = { status: "cancelled" };
  expect(await desk.call("takeBack", { ...call, passphrase: PASSPHRASE })).toMatchObject({ ok: true });
  expect(await desk.call("request", { request: digest })).toMatchObject({
    data: { state: "revoked", decision: { code: "wrong_payee", note: "Not that shop.", signed: true } },
  });
  expect(await desk.call("takeBack", { ...call, passphrase: PASSPHRASE })).toMatchObject({ ok: true, data: { already: true } });
  facilitator.settlement = { status: "unused" };
});

test("lists, history and files are those of the commands [desk-reads]", async () => {
  const pending = await ask();
  const list = await desk.call("requests", { all: false });
  expect(list.ok && list.data.requests[0]).toMatchObject({ requestDigest: pending, state: "pending", price: { amount: "10000" } });
  expect(await desk.call("state", {})).toMatchObject({ ok: true, data: { sealed: true } });
  expect(await desk.call("mandates", { all: false })).toMatchObject({ ok: true, data: { mandates: [], more: 0 } });
  expect(await desk.call("history", { days: 30 })).toMatchObject({ ok: true, data: { payments: 0, total: { amount: "0" } } });
  await box.run("audit export --out ./audit.csv --format csv --force");
  const file = await desk.call("export", { format: "csv" });
  expect(file.ok && file.data).toEqual({ name: "audit.csv", type: "text/csv", text: box.text("audit.csv") });
});

test("a port that is taken is named; Ctrl-C ends the desk [desk-port]", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const taken = await box.run(["desk", "--port", String(port)]);
  expect([taken.exit, taken.stderr]).toEqual([EXIT.busy, expect.stringContaining(`Port ${port} of this machine cannot be opened`)]);
  server.close();
  const another = await startDesk(box);
  expect(await another.stop()).toBe(EXIT.ok);
  await expect(another.send({})).rejects.toThrow("ECONNREFUSED");
});
