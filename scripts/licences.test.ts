import { expect, test } from "vitest";
import { unlicensed } from "./licences.ts";

test.each([
  ["one that is allowed", { "node_modules/a": { version: "1.0.0", license: "MIT" } }, []],
  ["a choice with one that is allowed", { "node_modules/a": { version: "1.0.0", license: "GPL-3.0-only OR MIT" } }, []],
  ["this repository", { "": { license: "UNKNOWN" }, toolchain: {}, "node_modules/ours": { link: true } }, []],
  ["a tool under a weak copyleft", { "node_modules/lightningcss": { version: "1.0.0", license: "MPL-2.0", dev: true } }, []],
  ["none", { "node_modules/a": { version: "1.0.0" } }, ["a 1.0.0: no licence"]],
  ["one that is not allowed", { "node_modules/@a/b": { version: "1.0.0", license: "GPL-3.0-only" } }, ["@a/b 1.0.0: GPL-3.0-only"]],
  [
    "one of two that is not allowed",
    { "node_modules/a/node_modules/b": { version: "2.0.0", license: "MIT AND GPL-3.0-only" } },
    ["b 2.0.0: MIT AND GPL-3.0-only"],
  ],
  ["a tool that is shipped", { "node_modules/lightningcss": { version: "1.0.0", license: "MPL-2.0" } }, ["lightningcss 1.0.0: MPL-2.0"]],
  ["an expression that is not read", { "node_modules/a": { version: "1.0.0", license: "(MIT OR X)" } }, ["a 1.0.0: (MIT OR X)"]],
])("licences: %s", (_what, packages, lines) => expect(unlicensed(packages)).toEqual(lines));
