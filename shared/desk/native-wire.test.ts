/** What a desk's page says of a request on the chain itself: all of it from the request's own text, and nothing that only the chain knows. */

import { expect, test } from "vitest";
import { agent, NOW } from "../../test/fixtures.ts";
import { ON_CHAIN, ON_CHAIN_DIGEST, ON_CHAIN_VIEW, REPORT } from "../../test/web/scenes.ts";
import { checkAnyRequest } from "../protocol/any-request.ts";
import { signPaymentRequest } from "../protocol/payment-request.ts";
import { checkForApproval } from "../protocol/what-is-signed.ts";
import { nativeRequestFacts } from "../screen/native-request.ts";
import { requestWarnings } from "../screen/warnings.ts";
import { readApproval } from "./approval-wire.ts";
import { type NativeWire, readNativeWire } from "./native-wire.ts";

async function read(wire: NativeWire) {
  const made = await readNativeWire(JSON.parse(JSON.stringify(wire)) as NativeWire);
  if (!made.ok) throw new Error(made.problem);
  return made.view;
}

test("has the sum in lepta, the payee, the network, the chain and the fee that the offer allows [native-desk-facts]", async () => {
  const view = await read(ON_CHAIN_VIEW);
  expect(view.checked.digest).toBe(ON_CHAIN_DIGEST);
  const { facts, decisive, shortCode } = nativeRequestFacts(view);
  const said = Object.fromEntries(facts.map(({ label, value }) => [label, value]));
  expect(said).toMatchObject({
    Pay: "0.00001 LGO = 10000 lepta, exactly",
    Fee: "on top, at most 0.0001 LGO = 100000 lepta by the offer; the terminal reads today's",
    To: "tides.example",
    Account: "Bbb4SDKkQ4zPcCNAHxY4V16J111R7jtWZbC19dYLkHYg",
    For: "GET https://tides.example/v1/harbours/halifax",
    From: "your account on the chain; the terminal reads its balance and nonce",
    Network: "lez:devnet (TEST), native LEZ transfer",
    "Then valid": "for 15 min",
  });
  expect(said["Chain"]).toMatch(/^genesis 6d6d6d6d…6d6d by the offer, which the terminal compares; the seller waits for: head$/);
  expect(decisive.map(({ label }) => label)).toEqual(["Pay", "Fee", "To", "Account"]);
  expect(shortCode).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  // Only the chain knows these.
  expect(JSON.stringify(facts)).not.toMatch(/nonce [0-9]|Together|read at block|Balance/);
});

test("warns of what follows from the request alone [native-desk-warnings]", async () => {
  const view = await read(ON_CHAIN_VIEW);
  expect(requestWarnings(view)).toEqual([
    "The money is taken BEFORE the answer comes. It does not come back by itself when the answer fails.",
  ]);
  const pin = { origin: "https://tides.example", payTo: "another", firstSeenAt: "2025-09-02T07:11:40Z" };
  const seen = requestWarnings({ ...view, pin, threshold: 1n }).join(" ");
  expect(seen).toContain("ANOTHER ACCOUNT");
  expect(seen).toContain("A large amount.");
});

test("a text that was changed, is no request of the chain, or is another's, is not shown [native-desk-changed]", async () => {
  const { request } = ON_CHAIN_VIEW;
  const changed = [
    request.replace('"amount":"10000"', '"amount":"10001"'),
    request.replace("halifax", "boston"),
    JSON.stringify(REPORT),
    "{",
  ];
  for (const text of changed) expect(await readNativeWire({ ...ON_CHAIN_VIEW, request: text }), text).toMatchObject({ ok: false });
  const { agentSignature: _, ...body } = ON_CHAIN;
  const session = { deposit: ON_CHAIN.payment.amount, seconds: "60" };
  const asked = await signPaymentRequest({ ...body, payment: { ...body.payment, session } }, agent);
  expect(await readNativeWire({ ...ON_CHAIN_VIEW, request: JSON.stringify(asked) })).toMatchObject({ ok: false });
});

test("it is shown, and is not what an approval signs [native-desk-not-approved]", async () => {
  expect(await checkAnyRequest(ON_CHAIN, NOW)).toMatchObject({ ok: true });
  expect(await checkAnyRequest(REPORT, NOW)).toMatchObject({ ok: true });
  expect(await checkForApproval(ON_CHAIN, NOW)).toMatchObject({ ok: false, code: "invalid_network" });
  const wire = {
    ...ON_CHAIN_VIEW,
    from: ON_CHAIN.payment.payTo,
    history: [],
    open: [],
    outstanding: { sum: "0", requests: 0 },
    mandates: [],
  };
  const approval = await readApproval({ ...wire, balance: { kind: "unknown", why: "" }, pinnedBefore: false });
  expect(approval).toMatchObject({ ok: false, problem: expect.stringContaining("only a key of the chain signs that") as string });
});
