import { expect, test } from "vitest";
import { isLoopbackName, isPublicName } from "./public-name.ts";

const hostOf = (typed: string) => new URL(`https://${typed}/`).hostname;

test.each([
  "shop.example.com",
  "SHOP.Example.com",
  "a.b",
  "xn--bcher-kva.example",
  "1.2.3.com",
  "shop.example.com.",
  "localhost.example.com",
])("%s may be public", (typed) => expect(isPublicName(hostOf(typed))).toBe(true));

test.each([
  "localhost",
  "a.localhost",
  "printer.local",
  "nas.internal",
  "router.lan",
  "nas.home",
  "x.corp",
  "router.home.arpa",
  "1.0.0.127.in-addr.arpa",
  "machine",
  "machine.",
  "x.test",
  "x.invalid",
  "x.onion",
  "nas.localdomain",
  "10.0.0.1",
  "8.8.8.8",
  "0x7f.1",
  "2130706433",
  "0177.0.0.1",
  "[::1]",
  "[::ffff:10.0.0.1]",
  "[2606:4700::1111]",
  "169.254.169.254",
])("%s is not public", (typed) => expect(isPublicName(hostOf(typed))).toBe(false));

test.each([
  ["localhost", true],
  ["127.0.0.1", true],
  ["0x7f.1", true],
  ["[::1]", true],
  ["localhost.example.com", false],
  ["10.0.0.1", false],
  ["127.0.0.1.example.com", false],
])("whether %s is this machine: %s", (typed, is) => expect(isLoopbackName(hostOf(typed))).toBe(is));
