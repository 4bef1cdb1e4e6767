/** The smoke test itself, against a local stack with a faucet and one without. */

import { once } from "node:events";
import { readdirSync } from "node:fs";
import http, { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { PassThrough } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { PASSPHRASE, sandbox } from "../agent-cli/testing/cli.ts";
import { DEMO_RECEIPT_KEY } from "../shared/demo.ts";
import { errorBody } from "../shared/errors.ts";
import { useStack } from "../test/stack/stack.ts";
import { smoke } from "./smoke.ts";

const world = useStack({ vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY } } });
const box = sandbox();

/** Without a terminal, as in CI. */
async function run(...words: string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const exit = await smoke(words, { stdin, stdout, stderr, env: {}, cwd: box.directory, signal: new AbortController().signal });
  return { exit, stdout: String(stdout.read() ?? ""), stderr: String(stderr.read() ?? "").replaceAll(/\s+/g, " ") };
}
/** The facilitator, without a faucet. */
async function dryFacilitator(): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === "/faucet") {
      response.writeHead(404).end(JSON.stringify(errorBody("not_found")));
      return;
    }
    const onward = http.request(world.stack.facilitator + request.url, { method: request.method, headers: request.headers });
    onward.on("response", (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers)));
    request.pipe(onward);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const homes = () => readdirSync(tmpdir()).filter((name) => name.startsWith("lez-agent-pay-smoke-"));

test("buys one thing with test money, and leaves nothing behind [smoke-buys]", async () => {
  const { merchant, facilitator } = world.stack;
  const before = homes();
  const { exit, stdout, stderr } = await run(`${merchant}/premium`, "--facilitator", facilitator);
  expect(exit, stderr).toBe(EXIT.ok);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    paid: "0.00001 LGO",
    transaction: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
  expect(stderr).toContain("$ lez-agent-pay approve"); // every command is shown
  expect(homes()).toEqual(before);
});

test("pays no more than --max, and nothing for what is free [smoke-max]", async () => {
  const { merchant, facilitator } = world.stack;
  const dear = await run(`${merchant}/premium`, "--facilitator", facilitator, "--max", "9999");
  expect([dear.exit, dear.stderr]).toEqual([EXIT.differs, expect.stringContaining("[above_max_amount]")]);
  const free = await run(merchant, "--facilitator", facilitator);
  expect([free.exit, free.stderr]).toEqual([EXIT.differs, expect.stringContaining("asks for no payment")]);
});

test("without a faucet it says how to pay and how much, and pays with a key that has money [smoke-key-file]", async () => {
  const { merchant, facilitator } = world.stack;
  const words = [`${merchant}/premium`, "--facilitator", await dryFacilitator()];
  const refused = await run(...words);
  expect([refused.exit, refused.stderr]).toEqual([EXIT.notSetUp, expect.stringMatching(/--key-file .* at most 0\.0001LGO/)]);
  box.write("secret.txt", PASSPHRASE);
  await box.run("owner create --out ./rich.json --passphrase-file ./secret.txt");
  await box.run("faucet --owner-file ./rich.json", { env: { LEZ_FACILITATOR_URL: facilitator } });
  const paid = await run(...words, "--key-file", box.path("rich.json"), "--passphrase-file", box.path("secret.txt"));
  expect([paid.exit, paid.stdout], paid.stderr).toEqual([EXIT.ok, expect.stringContaining('"paid":"0.00001 LGO"')]);
});

test("wrong words are exit 2, --help is exit 0", async () => {
  for (const words of [[], ["shop"], ["https://a.example", "https://b.example"], ["--cheap"]])
    expect((await run(...words)).exit).toBe(EXIT.usage);
  const help = await run("--help");
  expect([help.exit, help.stdout]).toEqual([EXIT.ok, expect.stringContaining("--key-file")]);
});
