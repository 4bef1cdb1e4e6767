/**
 * A desk that lies: between agent, owner and the real desk stands one that changes what it hands on. Whatever it changes is refused and
 * named by the agent, by the owner's page, or by the facilitator. All that it achieves is silence.
 */

import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkApproval } from "../shared/desk/approval-check.ts";
import { readApproval } from "../shared/desk/approval-wire.ts";
import { FACILITATOR_DECIDES } from "../shared/protocol/passkey.ts";
import type { PaymentRequest } from "../shared/protocol/payment-request.ts";
import type { PaymentPayload } from "../shared/x402/x402.ts";
import { Agent, type Page } from "./desk/people.ts";
import { useDesk } from "./desk/world.ts";

const world = useDesk();

type Lie = (text: string) => string | undefined;
/** What the lying desk does to an answer; undefined: it never answers. */
let lie: Lie = (text) => text;
let server: Server;
let liar: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const headers = Object.entries(request.headers).filter(
        ([name]) => !["host", "connection", "content-length", "transfer-encoding"].includes(name),
      );
      const answer = await fetch(`${world.desk}${request.url}`, {
        method: request.method ?? "GET",
        headers: headers.map(([name, value]): [string, string] => [name, String(value)]),
        ...(chunks.length > 0 && { body: new Uint8Array(Buffer.concat(chunks)) }),
      });
      const text = lie(await answer.text());
      if (text === undefined) return;
      response.writeHead(answer.status, { "Content-Type": "application/json" }).end(text);
    })();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  liar = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function approved(): Promise<{ page: Page; agent: Agent; request: PaymentRequest; digest: string }> {
  lie = (text) => text;
  const people = await world.paired();
  const made = await world.asked(people);
  await people.page.approve(made.digest);
  // The same key, at the address of the liar, whose own name is the desk's.
  const agent = Object.assign(await Agent.create(liar, world.desk), { signer: people.agent.signer });
  return { page: people.page, agent, ...made };
}

/** In the payment that the agent is handed. */
function inPayment(
  change: (payment: {
    accepted: Record<string, unknown>;
    resource: { url: string };
    payload: Record<string, Record<string, unknown>>;
  }) => void,
): Lie {
  return (text) => {
    const answer = JSON.parse(text);
    if (answer.data?.payment) change(answer.data.payment);
    return JSON.stringify(answer);
  };
}

const STRANGER = "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj";
const authorizationOf = (payment: { payload: Record<string, Record<string, unknown>> }) => payment.payload["authorization"] ?? {};

describe("what the agent is handed", () => {
  const LIES: [string, Lie, string, string][] = [
    [
      "the amount that was signed",
      inPayment((payment) => void (authorizationOf(payment)["value"] = "20000")),
      "authorization.value",
      "amount_mismatch",
    ],
    [
      "the amount, everywhere",
      inPayment((payment) => {
        authorizationOf(payment)["value"] = "20000";
        payment.accepted["amount"] = "20000";
      }),
      "accepted",
      "amount_mismatch",
    ],
    [
      "the payee that was signed",
      inPayment((payment) => void (authorizationOf(payment)["to"] = "7".repeat(44))),
      "authorization",
      "recipient_mismatch",
    ],
    [
      "the payee, everywhere",
      inPayment((payment) => {
        authorizationOf(payment)["to"] = STRANGER.replace("6e", "7e");
        payment.accepted["payTo"] = STRANGER.replace("6e", "7e");
      }),
      "accepted",
      "recipient_mismatch",
    ],
    ["the address", inPayment((payment) => void (payment.resource.url = "https://evil.example/")), "resource", "valid"],
    [
      "the binding to the request",
      inPayment((payment) => void (authorizationOf(payment)["binding"] = "00".repeat(32))),
      "authorization.binding",
      "binding_mismatch",
    ],
    [
      "the request that it is for",
      inPayment((payment) => void (authorizationOf(payment)["requestDigest"] = "00".repeat(32))),
      "authorization.requestDigest",
      "invalid_signature",
    ],
    [
      "the nonce, to be paid twice",
      inPayment((payment) => void (authorizationOf(payment)["nonce"] = "00".repeat(32))),
      "authorization.nonce",
      "invalid_signature",
    ],
    [
      "how long it is good",
      inPayment((payment) => void (authorizationOf(payment)["validBefore"] = String(Number(authorizationOf(payment)["validBefore"]) - 1))),
      "proof",
      "invalid_signature",
    ],
  ];
  const table: string[] = [];

  test.each(LIES)(
    "a desk that changes %s is named by the agent, and pays nothing at the facilitator [desk-tampered]",
    async (name, told, named, code) => {
      const { page, agent, request, digest } = await approved();
      lie = told;
      const asked = await agent.look(page.account, digest);
      if (asked.state !== "approved") throw new Error(asked.state);
      const checked = await checkApproval(request, asked.payment, page.account, FACILITATOR_DECIDES);
      expect(checked).toMatchObject({ ok: false, problem: expect.stringContaining(named) });
      const paymentRequirements: unknown = JSON.parse(request.payment.offer);
      const verified = await fetch(`${world.stack.facilitator}/verify`, {
        method: "POST",
        body: JSON.stringify({ x402Version: 2, paymentPayload: asked.payment, paymentRequirements }),
      });
      const verdict = (await verified.json()) as { isValid: boolean; invalidReason?: string };
      table.push(
        `${name.padEnd(32)} agent: ${checked.ok ? "" : checked.problem.slice(0, 90)}; facilitator: ${verdict.invalidReason ?? "valid"}`,
      );
      expect(verdict.isValid ? "valid" : verdict.invalidReason).toBe(code);
    },
  );

  test("the address beside a payment is no part of it: the agent sends it where it asked, and is the one that notices", () => {
    console.log(`A desk that lies to the agent:\n${table.join("\n")}`);
    expect(table).toHaveLength(LIES.length);
  });

  test("another payment of the same owner in place of the right one is refused by its request [desk-tampered-other]", async () => {
    const first = await approved();
    const people = { page: first.page, agent: Object.assign(await Agent.create(world.desk), { signer: first.agent.signer }) };
    const second = await world.asked(people);
    await people.page.approve(second.digest);
    const other = await people.agent.look(first.page.account, second.digest);
    if (other.state !== "approved") throw new Error(other.state);
    lie = inPayment((payment) => void Object.assign(payment, other.payment));
    const asked = await first.agent.look(first.page.account, first.digest);
    if (asked.state !== "approved") throw new Error(asked.state);
    expect(await checkApproval(first.request, asked.payment, first.page.account, FACILITATOR_DECIDES)).toMatchObject({
      ok: false,
      code: "request_differs",
    });
  });

  test("an approval by another account is refused: the agent knows whom it is paired with", async () => {
    const { agent, page, request, digest } = await approved();
    const asked = await agent.look(page.account, digest);
    if (asked.state !== "approved") throw new Error(asked.state);
    const other = world.passkey().account;
    expect(await checkApproval(request, asked.payment, other, FACILITATOR_DECIDES)).toMatchObject({
      ok: false,
      problem: expect.stringContaining("from"),
    });
  });

  test("silence is all that is left: the agent goes on waiting, and the money stays [desk-silence]", async () => {
    const { page, agent, digest } = await approved();
    lie = () => undefined;
    const silent = await Promise.race([
      agent.look(page.account, digest),
      new Promise((resolve) => setTimeout(() => resolve("silence"), 1500)),
    ]);
    expect(silent).toBe("silence");
    lie = () => JSON.stringify({ ok: true, data: { state: "pending", requestDigest: digest } });
    expect(await agent.look(page.account, digest)).toMatchObject({ state: "pending" });
    expect(await page.call("state", {})).toMatchObject({ balance: { spendable: { amount: "1000000" }, held: { amount: "0" } } });
  });
});

describe("what the owner's page is shown", () => {
  test.each<[string, string, string]>([
    ["the amount", '"amount":"10000"', '"amount":"20000"'],
    ["the payee", '"payTo":"', '"payTo":"7'],
    ["the URL", "/premium?", "/premium2?"],
    ["the reason", "I need this", "You need this"],
    ["the agent's name", "Research agent", "Another agent"],
  ])("a request with another %s is not read: nothing of it can be signed [desk-tampered-page]", async (_, from, to) => {
    const people = await world.paired();
    const { digest } = await world.asked(people);
    const { view } = await people.page.call("read", { request: digest });
    const changed = { ...view, request: view.request.replace(from, to) };
    expect(changed.request).not.toBe(view.request);
    expect(await readApproval(changed)).toMatchObject({ ok: false });
    expect(await readApproval(view)).toMatchObject({ ok: true });
  });

  test("a payment for another account than the owner's is no payment: the account is in what is signed [desk-tampered-from]", async () => {
    const people = await world.paired();
    const { request, digest } = await world.asked(people);
    const { view } = await people.page.call("read", { request: digest });
    const read = await readApproval({ ...view, from: world.passkey().account });
    if (!read.ok) throw new Error(read.problem);
    const right: PaymentPayload = await people.page.payment(digest);
    const payment = { ...right, payload: { ...right.payload, authorization: read.view.authorization } };
    expect(await people.page.send("decide", { payment })).toMatchObject({
      verdict: "request_differs",
      body: { error: { message: expect.stringContaining("from") } },
    });
    expect(await checkApproval(request, payment, people.page.account, FACILITATOR_DECIDES)).toMatchObject({ ok: false });
  });
});
