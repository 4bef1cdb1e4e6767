import { expect, test } from "vitest";
import { covers, templatesOf } from "./route-patterns.ts";

test.each<[pattern: string, path: string, isCovered: boolean]>([
  ["*", "/a", true],
  ["/*", "/", true],
  ["/a/*", "/a", true],
  ["/a/*", "/a/:b/c", true],
  ["/a/*", "/ab", false],
  ["/:x/c", "/:y/c", true],
  ["/:x/c", "/b/c", true],
  ["/:x{[0-9]+}/c", "/:y/c", false],
  ["/:x{[0-9]+}/c", "/:x{[0-9]+}/c", true],
  ["/a", "/:x", false],
  ["/a", "/a/b", false],
  ["/a/b", "/a", false],
  ["/*/c", "/b/c", true],
  ["/:x", "/*", false],
])("%s covers %s: %s", (pattern, path, isCovered) => expect(covers(pattern, path)).toBe(isCovered));

test.each([
  ["/", ["/"]],
  ["/a/b", ["/a/b"]],
  ["/a/:b", ["/a/{b}"]],
  ["/a/:b{[^/]+\\.png}/c", ["/a/{b}/c"]],
  ["/a/:b?", ["/a", "/a/{b}"]],
])("%s is %j in OpenAPI", (path, templates) => expect(templatesOf(path).map(({ template }) => template)).toEqual(templates));
