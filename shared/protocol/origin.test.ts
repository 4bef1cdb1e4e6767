import { expect, test } from "vitest";
import { originOf } from "./origin.ts";

test.each([
  "https://shop.example",
  "https://shop.example/item/1?a=/b//c",
  "HTTP://Shop.Example:80/a//b",
  "http://127.0.0.1:8787?x=//y/z",
  "https://[::1]:444/",
  "https://bücher.example/#/",
  "http:\\\\shop.example\\item",
])("the origin of %s is what stands in front of its path, once URL has written it", (address) => {
  const { href, origin } = new URL(address);
  expect(originOf(href)).toBe(origin);
});

test("an address without a path is its origin", () => expect(originOf("https://shop.example")).toBe("https://shop.example"));
