/** An agent that buys on the chain itself through the tools of the MCP server; its owner decides at a terminal. */

import { beforeAll, describe, expect, test } from "vitest";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { PASSPHRASE, REASON, sandbox } from "../agent-cli/testing/cli.ts";
import { startMcp, type TestServer } from "../agent-cli/testing/mcp.ts";
import { NATIVE_CONTENT, nativeWorld, type NativeWorld } from "../agent-cli/testing/native-world.ts";
import { approveAsRead } from "../agent-cli/testing/people.ts";

const box = sandbox();
let world: NativeWorld;
let server: TestServer;

beforeAll(async () => {
  box.write("secret.txt", `${PASSPHRASE}\n`);
  const made = await box.run("owner create --kind lez --passphrase-file ./secret.txt");
  await box.run("agent create");
  world = await nativeWorld([{ account: String(made.json.data["account"]), lepta: 1_000_000_000n }]);
  box.write("home/config.json", { sequencers: { "lez:devnet": world.sequencer }, facilitatorUrl: world.origin });
  server = await startMcp(box);
});

interface Said {
  ok: boolean;
  isError: boolean;
  // The data of any tool.
  data: Record<string, any>; // oxlint-disable-line typescript/no-explicit-any
  error: { code: string; message: string; hint?: string; retryable: boolean; details: Record<string, unknown> };
  next: { argv: string[]; by: string; tool?: string; arguments?: Record<string, unknown>; afterSeconds?: number };
}

async function call(name: string, args: object): Promise<Said> {
  const { content, isError } = await server.client.callTool({ name, arguments: { ...args } });
  const [{ text }] = content as [{ text: string }];
  return { ...(JSON.parse(text) as Said), isError: isError === true };
}

async function mining<Result>(work: Promise<Result>): Promise<Result> {
  const clock = setInterval(() => world.mine(), 200);
  return work.finally(() => clearInterval(clock));
}

const approve = (code: string) => approveAsRead(box, code, "--passphrase-file", "./secret.txt");

let purchases = 0;
/** @returns the code under which the owner finds it */
async function ask(): Promise<{ code: string; said: Said }> {
  const said = await call("fetch", { url: `${world.url}?${purchases++}`, reason: REASON });
  return { code: String(said.error.details["shortCode"]), said };
}

describe("a request on the chain", () => {
  test("waits for its owner's terminal, is paid with the call that was named, and brings its goods [mcp-native]", async () => {
    expect((await call("quote", { url: world.url })).data).toMatchObject({ network: "lez:devnet", price: { amount: "10000" } });
    const { code, said } = await ask();
    expect(said).toMatchObject({ isError: false, error: { code: "approval_pending", retryable: true } });
    expect(said.next).toMatchObject({ by: "agent", tool: "fetch", arguments: { resume: code } });
    expect((await call("request_show", { request: code })).data).toMatchObject({ state: "pending", network: "lez:devnet" });
    expect((await approve(code)).exit).toBe(EXIT.ok);
    expect((await call("request_wait", { request: code })).data).toMatchObject({ state: "approved" });
    const bought = await mining(call(said.next.tool ?? "", said.next.arguments ?? {}));
    expect(bought, JSON.stringify(bought)).toMatchObject({
      ok: true,
      data: {
        receipt: { network: "lez:devnet", payee: world.seller.account },
        response: { body: { text: NATIVE_CONTENT, untrusted: true } },
      },
    });
    expect((await call("status", { payment: code })).data).toMatchObject({ conclusion: "paid", nonce: "0", network: "lez:devnet" });
  });

  test("that the chain has not settled is outcome unknown, with its transaction, and the next call gets the goods [mcp-native-pending]", async () => {
    const { code } = await ask();
    expect((await approve(code)).exit).toBe(EXIT.ok);
    const pending = await call("pay", { payment: code, wait: "1" });
    expect(pending.error).toMatchObject({ code: "outcome_unknown", retryable: true, details: { pending: true } });
    expect(pending.error.details["transaction"]).toMatch(/^[0-9a-f]{64}$/);
    expect(pending.next, JSON.stringify(pending.next)).toMatchObject({ by: "agent", arguments: { payment: code } });
    expect((await call("status", { payment: code })).data).toMatchObject({ conclusion: "open" });
    const paid = await mining(call("pay", { payment: code }));
    expect(paid, JSON.stringify(paid)).toMatchObject({ ok: true, data: { response: { body: { text: NATIVE_CONTENT } } } });
  });

  test("that is declined is over, with the owner's word for the agent [mcp-native-declined]", async () => {
    const { code } = await ask();
    await box.run(["decline", code, "--code", "too_expensive", "--note", "Half of that would do."]);
    const said = await call("fetch", { resume: code });
    expect(said).toMatchObject({ isError: true, error: { code: "declined", retryable: false } });
    expect(JSON.stringify(said.error)).toContain("too_expensive");
  });
});

test("a session, an allowance or a chain that is not offered are refused as data, with what to do [mcp-native-refused]", async () => {
  const session = await call("fetch", { url: `${world.url}?s`, reason: REASON, session: "1LGO" });
  expect(session).toMatchObject({ isError: true, error: { code: "unsupported_scheme", retryable: false } });
  expect(session.error.message).toContain("no sessions on lez:devnet");
  const unasked = await call("fetch", { url: `${world.url}?u`, reason: REASON, noAsk: true });
  expect(unasked.error.code).toBe("unsupported_scheme");
  const elsewhere = await call("quote", { url: world.url, network: "lez:testnet" });
  expect(elsewhere).toMatchObject({ isError: true, error: { retryable: false, hint: expect.any(String) as string } });
});
