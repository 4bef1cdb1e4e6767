/** The picture in the README is of this program: it says what the demo says today. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { masked, recordDemo } from "../scripts/picture.ts";
import { terminalLines, terminalSvg, textOfSvg } from "../scripts/terminal-svg.ts";

const SVG = readFileSync(join(import.meta.dirname, "../docs/demo.svg"), "utf8");

test("the committed picture shows what the demo prints; npm run picture draws it anew", async () => {
  const printed = terminalLines(await recordDemo()).map((line) => line.map(({ text }) => text).join(""));
  expect(masked(textOfSvg(SVG))).toBe(masked(printed.join("\n")));
}, 120_000);

test("the picture is small, and loads and runs nothing", () => {
  expect(SVG.length).toBeLessThan(150_000);
  expect(SVG).not.toMatch(/<script|<image|<foreignObject|href|url\((?!#window\))|@import|@font-face|\son\w+=/i);
});

test("readers who ask for less motion get a still picture", () => {
  const [still = "", moving = ""] = SVG.split("@media (prefers-reduced-motion: no-preference)");
  expect(still).not.toContain("animation");
  expect(moving).toContain("animation: scroll");
});

test("text goes in and comes out as it was", () => {
  const lines = ['<b> & "quotes" &amp;', "", "  ✓ indented"];
  const svg = terminalSvg(terminalLines(lines.join("\r\n")), { title: "a < b", columns: 40, rows: 2 });
  expect(textOfSvg(svg)).toBe(lines.join("\n"));
  expect(svg).toContain("<title>a &lt; b</title>");
});

test("a style or a control character that it cannot draw is an error", () => {
  expect(terminalLines("\u001b[1mbold\u001b[22m plain")).toEqual([
    [
      { text: "bold", style: "bold" },
      { text: " plain", style: "" },
    ],
  ]);
  expect(() => terminalLines("\u001b[35mmagenta")).toThrow("no style for SGR 35");
  expect(() => terminalLines("\u001b[2Jgone")).toThrow("a control character");
});
