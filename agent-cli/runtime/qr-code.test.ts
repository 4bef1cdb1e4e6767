/** A QR code on a terminal that can show it, and none on others. */

import { expect, test } from "vitest";
import { pairingLink } from "../../shared/desk/pairing-place.ts";
import { layoutFor } from "./layout.ts";
import { qrCode } from "./qr-code.ts";

const link = pairingLink("https://desk.example.com", "8a".repeat(32), "0f".repeat(16));
const env = { LANG: "C.UTF-8", NO_COLOR: "1" };

test("fits 80 columns, with a light border and the three corners of a code", () => {
  const lines = qrCode(link, layoutFor({ isTTY: true, columns: 80 }, env), env) ?? [];
  const width = lines[0]?.length ?? 0;
  expect([width <= 80, lines.every((line) => line.length === width), lines[0]]).toEqual([true, true, "█".repeat(width)]);
  // A corner is dark for seven modules, and its second row for one at each end.
  expect(lines[1]?.slice(2, 9)).toBe(" ▄▄▄▄▄ ");
  expect(lines[1]?.slice(-9, -2)).toBe(" ▄▄▄▄▄ ");
});

test.each([
  ["narrow", { isTTY: true, columns: 40 }, env],
  ["dumb", { isTTY: true, columns: 80 }, { ...env, TERM: "dumb" }],
  ["none", { columns: 80 }, env],
  ["without Unicode", { isTTY: true, columns: 80 }, { LANG: "C" }],
])("a terminal that is %s gets none", (_, stream, variables) => {
  expect(qrCode(link, layoutFor(stream, variables), variables)).toBeUndefined();
});
