/** Agent and owner on two machines: a file goes over, a file comes back, and `fetch --wait` goes on. */

import { copyFileSync } from "node:fs";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { type PaymentRequest, requestDigest } from "../../shared/protocol/payment-request.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import type { RequestBundle } from "../records/request-bundle.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON, type Run, sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { CONTENT, LEDGER, startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";

/** The agent's machine, and the owner's. */
const [here, there] = [sandbox(), sandbox()];
const merchant = await startMerchant();
await people(here);
await people(there);
for (const box of [here, there]) {
  await box.run("doctor"); // makes the state directory
  const files = { ownerFile: box.path("owner.json"), agentFile: box.path("agent.json") };
  box.write("home/config.json", files);
}
beforeEach(() => merchant.reset());

let purchases = 0;
const url = () => `${merchant.url}?${purchases++}`;

async function ask(...words: string[]): Promise<string> {
  const made = await here.run(["request", "create", url(), "--reason", REASON, "--inbox", ...words]);
  return made.json.data["shortCode"] as string;
}
/** Carries a new export of the request to the owner. */
async function carry(code: string): Promise<RequestBundle> {
  const file = `request-${code}-${purchases++}.json`;
  expect((await here.run(["request", "export", code, "--out", `./${file}`])).exit).toBe(EXIT.ok);
  copyFileSync(here.path(file), there.path("request.json"));
  return there.read<RequestBundle>("request.json");
}
const decide = (...words: string[]) => there.run([...words, "--request-file", "./request.json", "--out", "./decision.json", "--force"]);
async function approve({ request }: RequestBundle, ...words: string[]): Promise<Run> {
  const run = await decide("approve", "--confirm", requestDigest(request), ...words);
  expect(run.exit).toBe(EXIT.ok);
  return run;
}
let imports = 0;
function bring(): Promise<Run> {
  const file = `decision-${imports++}.json`;
  copyFileSync(there.path("decision.json"), here.path(file));
  return here.run(["decision", "import", `./${file}`]);
}
const stateOf = async (code: string) => (await here.run(["request", "show", code])).json.data["state"] as string;

/** The request that a `fetch --wait` has just made. */
function waitingCode(): Promise<string> {
  const look = async () => {
    const { requests } = (await here.run("inbox")).json.data as { requests: { shortCode: string }[] };
    return requests[0]?.shortCode ?? Promise.reject(new Error("no request yet"));
  };
  return vi.waitFor(look, { timeout: 60_000, interval: 50 });
}

describe("fetch --wait goes on across two machines", () => {
  test("when the owner approves: it says what to type, and pays [two-machines-approved]", async () => {
    const fetching = here.run(["fetch", url(), "--reason", REASON, "--wait"]);
    const code = await waitingCode();
    const bundle = await carry(code);
    const approved = await approve(bundle);
    expect(approved.json.data["confirmedByHost"]).toBe(true);
    const imported = await bring();
    expect(imported.json.data).toMatchObject({ shortCode: code, decision: "approved" });
    const run = await fetching;
    expect([run.exit, run.json.data["response"].body.text]).toEqual([EXIT.ok, CONTENT]);
    expect(run.stderr.split("\n")[0]).toBe(`${code} waits: the owner types lez-agent-pay approve ${code}`);
    expect((await bring()).json.data).toMatchObject({ already: true });
    expect((await here.run("audit verify --offline")).exit).toBe(EXIT.ok);
  });

  test("when the owner declines [two-machines-declined]", async () => {
    const fetching = here.run(["fetch", url(), "--reason", REASON, "--wait"]);
    const code = await waitingCode();
    await carry(code);
    await decide("decline", "--code", "too_expensive", "--owner-file", "./owner.json");
    expect((await bring()).json.data).toMatchObject({ shortCode: code, decision: "declined" });
    const run = await fetching;
    expect([run.exit, run.json.error.code]).toEqual([EXIT.declined, "declined"]);
    expect((await bring()).json.data).toMatchObject({ already: true });
  });
});

test("a revocation goes over as a refusal does, and the agent's machine pays no more [two-machines-revoked]", async () => {
  const facilitator = await startFacilitator();
  facilitator.settlement = { status: "cancelled" };
  const code = await ask();
  await approve(await carry(code));
  await bring();
  const revoked = await decide("revoke", "--code", "wrong_payee", "--facilitator-url", facilitator.url);
  expect(revoked.json.data).toMatchObject({ file: there.path("decision.json"), ledger: LEDGER });
  expect(there.read("decision.json")).toEqual(facilitator.cancelled[0]);
  expect((await bring()).json.data).toMatchObject({ shortCode: code, decision: "revoked" });
  const paid = await here.run(["pay", code]);
  expect([paid.exit, paid.json.error.code, merchant.presented]).toEqual([EXIT.declined, "payment_revoked", []]);

  // Run again it hands out the same decision; a file that is there is not replaced unasked, and nothing is asked for before.
  const asked = facilitator.cancelled.length;
  const words = ["revoke", "--request-file", "./request.json", "--code", "other", "--facilitator-url", facilitator.url];
  const kept = await there.run([...words, "--out", "./decision.json"]);
  expect([kept.exit, facilitator.cancelled.length]).toEqual([EXIT.usage, asked]);
  const again = await there.run([...words, "--out", "./again.json"]);
  expect(again.json.data).toMatchObject({ already: true, file: there.path("again.json") });
  expect(there.read("again.json")).toEqual(there.read("decision.json"));
});

test("the file has what the owner reads: the body, the headers, the merchant's terms; and no credential [export-no-secrets]", async () => {
  const headers = ["-H", "Content-Type: text/plain", "-H", "Authorization: Bearer secret-of-the-agent", "-H", "X-Tone: short"];
  const bundle = await carry(await ask("-d", "how much is it?", ...headers));
  expect(bundle.hiddenHeaders.map((name) => name.toLowerCase())).toEqual(["authorization"]);
  expect(bundle.terms?.accepts).toHaveLength(1);
  expect(JSON.stringify(bundle)).not.toContain("secret-of-the-agent");
  const shown = await approve(bundle, "--dry-run");
  expect(shown.stderr).toContain("how much is it?");
  expect(shown.stderr).toContain("X-Tone: short");
  expect(shown.stderr).toMatch(/authorization: \(hidden\)/i);
  const [code = ""] = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(shown.stderr) ?? [];
  const piped = await here.run(["request", "export", code]);
  expect(JSON.parse(piped.stdout)).toEqual(bundle);
});

describe("what is not the answer to this request is not filed", () => {
  test("another request's, a changed one, another machine's, one that is none [import-checks]", async () => {
    const code = await ask();
    const bundle = await carry(code);
    await approve(bundle);
    const payment = there.read<PaymentPayload>("decision.json");
    const signed = payment.payload as { authorization: Record<string, string>; signature: string };
    const forged = (change: object, top: object = {}) => ({
      ...payment,
      ...top,
      payload: { ...signed, authorization: { ...signed.authorization, ...change } },
    });
    const cases: [string, unknown][] = [
      [
        "signature",
        { ...payment, payload: { ...signed, signature: signed.signature.replace(/^../, (two) => (two === "00" ? "01" : "00")) } },
      ],
      ["amount", forged({ value: "9" })],
      ["request", forged({ requestDigest: "ab".repeat(32) })],
      ["rubbish", { hello: "world" }],
    ];
    for (const [name, content] of cases) {
      there.write("decision.json", content);
      const run = await bring();
      expect([name, run.json.ok]).toEqual([name, false]);
      expect(await stateOf(code)).toBe("pending");
    }
    copyFileSync(there.path("request.json"), there.path("decision.json"));
    expect((await bring()).json.error.message).toContain("is an exported request");
    there.write("decision.json", payment);
    copyFileSync(there.path("decision.json"), there.path("kept.json"));
    expect((await there.run(["decision", "import", "./kept.json"])).json.error.code).toBe("request_not_found");
    expect((await bring()).exit).toBe(EXIT.ok);
    expect(await stateOf(code)).toBe("approved");
  });

  test("an approval of a request that was cancelled here: the first decision wins [import-first-decision]", async () => {
    const code = await ask();
    const bundle = await carry(code);
    await approve(bundle);
    await here.run(["request", "cancel", code]);
    const run = await bring();
    expect([run.exit, run.json.error.code, await stateOf(code)]).toEqual([EXIT.approvalExpired, "request_cancelled", "cancelled"]);
    const other = await ask();
    await carry(other);
    await decide("decline", "--code", "other");
    await here.run(["decline", other, "--code", "policy"]);
    expect((await bring()).json.data["already"]).toBe(true);
  });

  test("a second payment from another account: each of the two could be paid", async () => {
    const code = await ask();
    const bundle = await carry(code);
    await approve(bundle);
    expect((await bring()).exit).toBe(EXIT.ok);
    await there.run("owner create --out ./other.json --insecure-plaintext");
    await approve(bundle, "--owner-file", "./other.json");
    expect((await bring()).json.error.code).toBe("decided_meanwhile");
  });

  test("a file on the owner's machine whose request is not signed by its agent", async () => {
    const bundle = await carry(await ask());
    const request: PaymentRequest = { ...bundle.request, reason: `${REASON} Really.` };
    there.write("request.json", { ...bundle, request });
    const run = await decide("approve", "--confirm", requestDigest(request));
    expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "invalid_signature"]);
  });
});
