import { expect, test } from "vitest";
import { NETWORK } from "../../shared/lez.ts";
import { chooseNetwork, type KeysHere, whyNotNative } from "./choose-money.ts";

const [NONE, MOCK, LEZ, BOTH]: KeysHere[] = [
  { mock: false, lez: false },
  { mock: true, lez: false },
  { mock: false, lez: true },
  { mock: true, lez: true },
] as const;

const [DEVNET, TESTNET] = ["lez:devnet", "lez:testnet"] as const;

test.each<[string, string[], KeysHere, string]>([
  ["the mock alone, no key", [NETWORK], NONE, NETWORK],
  ["the mock alone, a key of the chain", [NETWORK], LEZ, "unsupported"],
  ["both, a key of the mock", [NETWORK, DEVNET], MOCK, NETWORK],
  ["both, a key of the chain", [NETWORK, DEVNET], LEZ, DEVNET],
  ["both, both keys", [NETWORK, DEVNET], BOTH, "usage"],
  ["both, no key", [DEVNET, NETWORK], NONE, NETWORK],
  ["the chain alone, both keys", [DEVNET], BOTH, DEVNET],
  ["the chain alone, a key of the mock", [DEVNET], MOCK, "unsupported"],
  ["the chain alone, no key", [DEVNET], NONE, "unsupported"],
  ["two networks of the chain", [DEVNET, TESTNET], LEZ, "usage"],
  ["nothing", [], MOCK, NETWORK],
])("%s: %s [money-never-guessed]", (_, offered, keys, chosen) => {
  const network = chooseNetwork(offered, {}, keys);
  expect(network.ok ? network.data : network.error.code).toBe(chosen);
});

test("--network counts, whatever keys are here", () => {
  expect(chooseNetwork([NETWORK], { network: DEVNET }, MOCK)).toMatchObject({ ok: true, data: DEVNET });
});

test("an offer of the chain with another scheme is refused with a sentence", () => {
  const offer = { scheme: "upto", network: DEVNET, asset: "native", amount: "1", payTo: "x", maxTimeoutSeconds: 60 };
  expect(whyNotNative([offer], DEVNET)).toMatchObject({
    error: { code: "unsupported_scheme", message: expect.stringContaining('there is no "upto"') as string },
  });
  expect(whyNotNative([offer], TESTNET)).toBeUndefined();
});
