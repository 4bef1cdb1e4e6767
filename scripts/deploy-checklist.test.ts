import { describe, expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../shared/demo.ts";
import { checklistOf, type Deployment, originsIn, refusalOf, type Vars, varsGiven } from "./deploy-checklist.ts";

const OWN = "11111111111111111111111111111112";
const deployment = (merchant: Vars, facilitator: Vars = {}, ledger: Vars = {}): Deployment => ({
  merchant: { PAY_TO: OWN, ...merchant },
  facilitator: { FAUCET: "off", SHARDS: "1", ...facilitator },
  ledger: { FAUCET: "off", SHARDS: "1", ...ledger },
});
const complaints = (...vars: Parameters<typeof deployment>) => checklistOf(deployment(...vars)).filter((line) => line.startsWith("!"));

describe("deploy refuses", () => {
  test("the demo merchant's published account, unless it is asked to", () => {
    const demo = deployment({ PAY_TO: DEMO_MERCHANT_ACCOUNT });
    expect(refusalOf(demo, false)).toContain("anyone can spend what it earns");
    expect(refusalOf(demo, true)).toBeUndefined();
    expect(refusalOf(deployment({}), false)).toBeUndefined();
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
    expect(complaints({}, { BOOKS: "keyed" })).toEqual([]);
  });
  test.each<[string, Parameters<typeof deployment>, string]>([
    ["the demo merchant", [{ PAY_TO: DEMO_MERCHANT_ACCOUNT }], "PAY_TO"],
    ["a faucet in one Worker only", [{}, { FAUCET: "on" }], "both must be on"],
    ["a faucet", [{}, { FAUCET: "on" }, { FAUCET: "on" }], "test money"],
    ["public books", [{}, { BOOKS: "public" }], "every caller reads every balance"],
    ["a misspelt BOOKS", [{}, { BOOKS: "keys" }], "must be keyed or public"],
    ["two numbers of shards", [{}, { SHARDS: "4" }], "nothing is settled"],
  ])("about %s", (_what, vars, words) => expect(complaints(...vars).join("\n")).toContain(words));
});
