import { describe, expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT, DEMO_MERCHANT_LEZ_ACCOUNT } from "../shared/demo.ts";
import {
  checklistOf,
  type Deployment,
  deskChecklistOf,
  deskRefusalOf,
  devnetChecklistOf,
  nativeChecklistOf,
  originsIn,
  refusalOf,
  type Vars,
  varsGiven,
} from "./deploy-checklist.ts";

const OWN = "11111111111111111111111111111112";
const BOUND = { merchant: ["DELIVERIES", "WEBHOOKS"], facilitator: ["LEDGER", "CATALOGUE"] };
const deployment = (merchant: Vars, facilitator: Vars = {}, ledger: Vars = {}, objects = BOUND): Deployment => ({
  merchant: { PAY_TO: OWN, ...merchant },
  facilitator: { FAUCET: "off", SHARDS: "1", ...facilitator },
  ledger: { FAUCET: "off", SHARDS: "1", ...ledger },
  objects,
});
const complaints = (...vars: Parameters<typeof deployment>) => checklistOf(deployment(...vars)).filter((line) => line.startsWith("!"));

describe("deploy refuses", () => {
  test("the demo merchant's published account, unless it is asked to", () => {
    const demo = deployment({ PAY_TO: DEMO_MERCHANT_ACCOUNT });
    expect(refusalOf(demo, false)).toContain("anyone can spend what it earns");
    expect(refusalOf(demo, true)).toBeUndefined();
    expect(refusalOf(deployment({}), false)).toBeUndefined();
  });
  test("an account on the chain itself that its key cannot spend from, or anyone can", () => {
    const refused = (PAY_TO_LEZ: string, demo = false) => refusalOf(deployment({ PAY_TO: OWN, PAY_TO_LEZ }), demo);
    expect(refused(DEMO_MERCHANT_LEZ_ACCOUNT)).toContain("PAY_TO_LEZ is the demo merchant");
    expect(refused(DEMO_MERCHANT_LEZ_ACCOUNT, true)).toBeUndefined();
    expect(refused(OWN)).toContain("no key of LEZ can spend");
    expect(refused("alice")).toContain("PAY_TO_LEZ is no account");
    expect(refused("7ha43q8RtdaVXjkH6s94YE8WSxsChXnFQaPJY8tRJozR")).toBeUndefined();
    expect(refused("")).toBeUndefined();
  });
  test.each(["", "alice"])("PAY_TO %j, which is no account", (PAY_TO) => {
    expect(refusalOf(deployment({ PAY_TO }), true)).toContain("is no account");
  });
});

describe("vars on the command line", () => {
  test.each<[string, Vars]>([
    [`--var PAY_TO:${OWN}`, { PAY_TO: OWN }],
    ["--var=PAY_TO:a --dry-run", { PAY_TO: "a" }],
    ["--var FAUCET:off PAY_TO:a --minify", { FAUCET: "off", PAY_TO: "a" }],
    ["--var PAY_TO:a --var PAY_TO:b", { PAY_TO: "b" }],
    ["--var PUBLIC_ORIGIN:https://shop.example", { PUBLIC_ORIGIN: "https://shop.example" }],
    ["--env staging", {}],
  ])("%s", (words, vars) => expect(varsGiven(words.split(" "))).toEqual(vars));

  test("are those that are judged [deploy-var]", () => {
    const deployed = (words: string) => refusalOf(deployment({ PAY_TO: OWN, ...varsGiven(words.split(" ")) }), false);
    expect(deployed(`--var PAY_TO:${DEMO_MERCHANT_ACCOUNT}`)).toContain("anyone can spend");
    expect(deployed("--var PAY_TO:alice")).toContain("is no account");
    expect(deployed(`--var PAY_TO:${OWN}`)).toBeUndefined();
  });
});

test("the origins of a deployment are read from wrangler's own record", () => {
  const line = (entry: object) => `${JSON.stringify(entry)}\n`;
  const targets = ["https://lez-merchant.acme.workers.dev", "shop.example/*", "schedule: * * * * *"];
  const output = line({ type: "wrangler-session", version: 1 }) + line({ type: "deploy", version: 1, targets });
  expect(originsIn(output)).toEqual([targets[0]]);
  expect(originsIn(line({ type: "deploy", version: 1 }))).toEqual([]);
});

describe("the checklist asks for something", () => {
  test("nowhere, when all is decided", () => {
    expect(complaints({})).toEqual([]);
    expect(complaints({}, { BOOKS: "keyed", DISCOVERY: "public" })).toEqual([]);
    expect(complaints({ WEBHOOK_URL: "https://books.example.com/webhooks" })).toEqual([]);
  });
  test.each<[string, Parameters<typeof deployment>, string]>([
    ["the demo merchant", [{ PAY_TO: DEMO_MERCHANT_ACCOUNT }], "PAY_TO"],
    ["a faucet in one Worker only", [{}, { FAUCET: "on" }], "both must be on"],
    ["a faucet", [{}, { FAUCET: "on" }, { FAUCET: "on" }], "test money"],
    ["public books", [{}, { BOOKS: "public" }], "every caller reads every balance"],
    ["a misspelt BOOKS", [{}, { BOOKS: "keys" }], "must be keyed or public"],
    ["a catalogue of any address", [{}, { DISCOVERY: "local" }], "buyers cannot reach"],
    ["a misspelt DISCOVERY", [{}, { DISCOVERY: "off" }], "must be public or local"],
    ["webhooks without their queue", [{ WEBHOOK_URL: "https://a.example" }, {}, {}, { ...BOUND, merchant: [] }], "binding WEBHOOKS"],
    ["webhooks to the machine itself", [{ WEBHOOK_URL: "http://127.0.0.1", WEBHOOK_LOOPBACK: "on" }], "for tests"],
    ["two numbers of shards", [{}, { SHARDS: "4" }], "nothing is settled"],
  ])("about %s", (_what, vars, words) => expect(complaints(...vars).join("\n")).toContain(words));
});

test("the checklist says whether routes are listed, and where webhooks go [deploy-discovery]", () => {
  const lines = (...of: Parameters<typeof deployment>) => checklistOf(deployment(...of)).join("\n");
  expect(lines({})).toContain("  DISCOVERY: public; routes of sellers that opted in are listed");
  expect(lines({}, {}, {}, { ...BOUND, facilitator: ["LEDGER"] })).toContain("no route is listed");
  expect(lines({})).toContain("  WEBHOOK_URL: none");
  expect(lines({ WEBHOOK_URL: "https://a.example/hook" })).toContain(
    "https://a.example/hook; what it has not taken: lez-agent-pay webhooks list",
  );
});

describe("an owner's desk", () => {
  const asked = (vars: Vars, bound = false) => deskChecklistOf(vars, bound).filter((line) => line.startsWith("!"));
  const FACILITATOR_URL = "https://pay.example";

  test("is asked nothing when all is decided [deploy-desk]", () => {
    expect(asked({ DESK_ORIGIN: "https://desk.example", FACILITATOR_URL })).toEqual([]);
    expect(asked({}, true)).toEqual([]);
  });
  test.each<[string, Vars, boolean, string]>([
    ["a test's passkeys", { FACILITATOR_URL, FAUCET: "on" }, false, "passkeys of http://localhost"],
    ["shops on its own machine", { FACILITATOR_URL, DESK_EGRESS: "loopback" }, false, "for tests"],
    ["a test's push service", { FACILITATOR_URL, PUSH_TEST_HOST: "127.0.0.1:1" }, false, "for tests"],
    ["no facilitator", {}, false, "no balance is shown"],
    ["two facilitators", { FACILITATOR_URL }, true, "remove the binding"],
  ])("is asked about %s", (_what, vars, bound, words) => expect(asked(vars, bound).join("\n")).toContain(words));
  test.each(["http://desk.example", "https://desk.example/", "https://desk.example/a", "desk.example", "https://Desk.example"])(
    "is not deployed at %j",
    (DESK_ORIGIN) => expect(deskRefusalOf({ DESK_ORIGIN })).toContain("DESK_ORIGIN"),
  );
});

test("a devnet's operator is asked about a faucet for every caller, and about a clock that is none", () => {
  const asked = (vars: Vars) => devnetChecklistOf(vars).filter((line) => line.startsWith("!"));
  expect(asked({ FAUCET: "off", BLOCK_MILLIS: "2000" })).toEqual([]);
  expect(devnetChecklistOf({ BLOCK_MILLIS: "2000" }).join("\n")).toContain("43200 blocks a day");
  expect(asked({ FAUCET: "on", BLOCK_MILLIS: "2000" })).toHaveLength(1);
  expect(asked({ BLOCK_MILLIS: "soon" })).toHaveLength(1);
});

test("the Worker for the chain offers nothing without a sequencer, and is told what is wrong with one [deploy-native]", () => {
  const good = { NATIVE_NETWORK: "lez:testnet", SEQUENCER_URL: "https://sequencer.example/", SEQUENCER_LEDGER: "6d".repeat(32) };
  const complaintsOf = (vars: Vars) => nativeChecklistOf(vars).filter((line) => line.startsWith("!"));
  expect(nativeChecklistOf({ SEQUENCER_URL: "" })).toEqual(["  SEQUENCER_URL: none; nothing is settled on the chain itself"]);
  expect(complaintsOf(good)).toEqual([]);
  expect(complaintsOf({ ...good, SEQUENCER_URL: "http://127.0.0.1/" })).toEqual([expect.stringContaining("not https")]);
  expect(complaintsOf({ ...good, NATIVE_NETWORK: "logos:lez-testnet", SEQUENCER_LEDGER: "" })).toHaveLength(2);
});
