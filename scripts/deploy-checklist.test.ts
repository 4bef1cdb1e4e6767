import { describe, expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../shared/demo.ts";
import { checklistOf, type Deployment, refusalOf, type Vars } from "./deploy-checklist.ts";

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
