import { expect, test } from "vitest";
import { CASES } from "../vectors/speccheck.ts";

test.each(CASES)("$name is accepted: $accepted", async ({ accepted, verify }) => expect(await verify()).toBe(accepted));

test.each(CASES)("$name is accepted by a verifier of its key: $accepted", async ({ accepted, verifyTwice }) =>
  expect(await verifyTwice()).toEqual([accepted, accepted]),
);
