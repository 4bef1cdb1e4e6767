import { expect, test } from "vitest";
import { CDN_HEADERS } from "../../shared/x402/caching.ts";
import { oldHeaders, storedByAnyCache, storedByCdn } from "./headers.ts";

test.each([...CDN_HEADERS])("%s lets a CDN store, unless it forbids or is over", (name) => {
  const stores =
    name === "expires" ? "Fri, 01 Jan 2100 00:00:00 GMT" : name === "x-accel-expires" ? "60" : "public, max-age=0, s-maxage=60";
  expect(storedByCdn({ [name]: stores })).toEqual([`${name}: "${stores}"`]);
  const over = name === "expires" ? "Thu, 01 Jan 1970 00:00:00 GMT" : name === "x-accel-expires" ? "0" : "max-age=0";
  expect(storedByCdn({ [name]: over })).toEqual([]);
  if (!name.includes("expires")) expect(storedByCdn({ [name]: "max-age=60, no-store" })).toEqual([]);
});

test("an Akamai header that lifts no-store stores", () => {
  expect(storedByCdn({ "edge-control": "!no-store, max-age=1800" })).toHaveLength(1);
});

test("Expires is measured by the answer's own Date; what is no date is over", () => {
  const headers = { date: "Fri, 01 Jan 2100 00:00:00 GMT", expires: "Fri, 01 Jan 2100 00:00:00 GMT" };
  expect(storedByCdn(headers)).toEqual([]);
  expect(storedByCdn({ ...headers, expires: "Fri, 01 Jan 2100 00:00:01 GMT" })).toHaveLength(1);
  expect(storedByCdn({ expires: "-1" })).toEqual([]);
});

test("Cache-Control for every cache", () => {
  expect(storedByAnyCache({ "cache-control": "public, max-age=60" })).toHaveLength(1);
  for (const kept of ["private, max-age=60", "no-store", "max-age=0"]) expect(storedByAnyCache({ "cache-control": kept })).toEqual([]);
  expect(storedByAnyCache({})).toEqual([]);
  expect(storedByAnyCache({ "surrogate-control": "max-age=60" })).toHaveLength(1);
});

test("headers of version 1", () => {
  expect(oldHeaders({ "x-payment-response": "", "x-payment-required": "", "payment-response": "" })).toEqual([
    "x-payment-required",
    "x-payment-response",
  ]);
});
