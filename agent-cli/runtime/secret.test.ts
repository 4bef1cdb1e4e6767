import { inspect } from "node:util";
import { expect, test } from "vitest";
import { Secret } from "./secret.ts";

test("a secret shows itself nowhere but where it is revealed", () => {
  const secret = new Secret(Uint8Array.of(115, 101, 99));
  const shown = [String(secret), JSON.stringify({ secret }), inspect({ secret }, { depth: 9, showHidden: true })].join();
  expect(shown).not.toMatch(/115|101|99|sec[^r]|73 ?65/);
  expect(Object.keys(secret)).toEqual([]);
  expect([...secret.reveal()]).toEqual([115, 101, 99]);
  secret.wipe();
  expect([...secret.reveal()]).toEqual([0, 0, 0]);
});
