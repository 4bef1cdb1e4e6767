/** What `validate` says of those that mean well: our merchant and facilitator, and the official ones. */

import { stripVTControlCharacters } from "node:util";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { sandbox } from "../../agent-cli/testing/cli.ts";
import { encodeHeader, PAYMENT_REQUIRED, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { listen, officialMerchant } from "../interop/official.ts";
import { useStack } from "../stack/stack.ts";
import { validation } from "./validation.ts";

const world = useStack();
const box = sandbox();
const ids = (lines: { id: string }[]) => lines.map(({ id }) => id);

test.each(["premium", "weather?city=Zurich", "archive"])(
  "our merchant's /%s passes every check, strictly [validate-own-merchant]",
  async (path) => {
    const { exit, wrong, report } = await validation(box, `${world.stack.merchant}/${path}`, "--active", "--strict");
    expect(wrong).toEqual([]);
    expect(exit).toBe(EXIT.ok);
    expect(report).toMatchObject({ target: "merchant", method: "GET", active: true, failed: 0, warned: 0 });
  },
);

test("a POST with a body is validated as it is given, without HEAD", async () => {
  const { wrong, skipped, report } = await validation(box, `${world.stack.merchant}/summarize`, "-d", "A long text.", "--active");
  expect(wrong).toEqual([]);
  expect(report.method).toBe("POST");
  expect(ids(skipped)).toEqual(expect.arrayContaining(["gate.head", "payment.head"]));
});

test("nothing that is sent to our merchant reaches the ledger", async () => {
  const before = await (await fetch(`${world.stack.facilitator}/accounts/${world.stack.payTo}`)).text();
  await validation(box, `${world.stack.merchant}/premium`, "--active");
  expect(await (await fetch(`${world.stack.facilitator}/accounts/${world.stack.payTo}`)).text()).toBe(before);
});

test("our facilitator passes every check, strictly", async () => {
  const { exit, wrong, skipped } = await validation(box, "--facilitator", `${world.stack.facilitator}/`, "--active", "--strict");
  expect(wrong).toEqual([]);
  expect(skipped).toEqual([]);
  expect(exit).toBe(EXIT.ok);
});

test("an official merchant fails nothing, and is warned of what its buyers will notice", async () => {
  const shop = await officialMerchant(new HTTPFacilitatorClient({ url: world.stack.facilitator }));
  const { exit, failed, wrong } = await validation(box, shop.url("/authorization"), "--active");
  expect(failed).toEqual([]);
  expect(ids(wrong)).toEqual([
    "challenge.body",
    "gate.head",
    "gate.head-terms",
    "cors.preflight",
    "cors.expose",
    "lez.bound",
    "payment.malformed-400",
    "payment.code",
    "payment.head",
  ]);
  expect(exit).toBe(EXIT.ok);
  // A route for GET alone is not asked when HEAD comes, and Hono answers HEAD with the GET handler.
  expect(shop.runs).toEqual(["/authorization", "/authorization"]);
});

test("a merchant of another network is checked as far as x402 goes, and the rest is skipped", async () => {
  const offer = {
    scheme: "exact",
    network: "eip155:84532",
    amount: "10000",
    asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    payTo: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
    maxTimeoutSeconds: 60,
    extra: { name: "USDC", version: "2" },
  };
  const sent: (string | null)[] = [];
  const origin = await listen((request) => {
    sent.push(request.headers.get(PAYMENT_SIGNATURE));
    const terms = { x402Version: 2, error: "invalid_payload", resource: { url: request.url }, accepts: [offer] };
    return new Response(null, { status: 402, headers: { [PAYMENT_REQUIRED]: encodeHeader(terms) } });
  });
  const { failed, skipped } = await validation(box, `${origin}/report`, "--active");
  expect(failed).toEqual([]);
  expect(ids(skipped)).toEqual(expect.arrayContaining(["lez.offer", "lez.extra", "lez.binding", "lez.bound", "lez.ledger", "lez.timeout"]));
  expect(skipped.find(({ id }) => id === "lez.offer")?.saw).toBe('no "exact" and no "upto" offer on logos:lez-testnet');
  expect(sent.filter((payment) => payment !== null).length).toBeGreaterThan(10);
});

test("who cannot be reached is a network failure, not a report", async () => {
  const run = await box.run("validate http://127.0.0.1:1/ --timeout 1");
  expect([run.exit, run.json.error.code]).toEqual([EXIT.network, "network"]);
});

test("warnings are exit 0, and with --strict 23; a person reads the report either way", async () => {
  const shop = await officialMerchant(new HTTPFacilitatorClient({ url: world.stack.facilitator }));
  const lenient = await box.run(["validate", shop.url("/bound")], { terminal: true });
  const strict = await box.run(["validate", shop.url("/bound"), "--strict"], { terminal: true });
  expect([lenient.exit, strict.exit]).toEqual([EXIT.ok, EXIT.differs]);
  for (const { stdout } of [lenient, strict]) {
    const text = stripVTControlCharacters(stdout);
    expect(text).toMatch(
      /^warn cors\.preflight\n {2}OPTIONS is free[^]*\n {2}saw +404\n {2}change +Handle CORS[^]*\d+ warnings, 0 failed/m,
    );
    for (const line of text.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  }
  expect(strict.stderr).toContain("checks warn. [not_conformant]");
});
