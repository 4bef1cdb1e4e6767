import { expect, test } from "vitest";
import { CASES } from "../vectors/speccheck.ts";

test.each(CASES)("$name is accepted: $accepted", async ({ accepted, verify }) => expect(await verify()).toBe(accepted));
