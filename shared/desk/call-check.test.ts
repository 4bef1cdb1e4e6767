import { expect, test } from "vitest";
import { agent, NOW } from "../../test/fixtures.ts";
import { fromBase64url, toBase64url, utf8 } from "../crypto/bytes.ts";
import { DESK_CALL_SECONDS, MAX_HEADER_BYTES } from "../limits.ts";
import type { SignedDeskCall } from "../protocol/desk.ts";
import { checkDeskCall, signDeskCall } from "./call-check.ts";

const SENT = { desk: "https://desk.example", method: "POST", path: "/agent/A/requests?wait=25", body: utf8('{"a":"1"}') };
const header = await signDeskCall(SENT, agent, NOW);
const signed = JSON.parse(new TextDecoder().decode(fromBase64url(header))) as SignedDeskCall;
const encoded = (value: unknown) => toBase64url(utf8(JSON.stringify(value)));

test("a signed call counts for a minute on both sides, with its nonce [desk-call]", async () => {
  for (const now of [NOW, NOW + DESK_CALL_SECONDS, NOW - DESK_CALL_SECONDS])
    expect(await checkDeskCall(header, SENT, now)).toEqual({ ok: true, publicKey: agent.publicKey, nonce: signed.call.nonce, at: NOW });
  for (const now of [NOW + DESK_CALL_SECONDS + 1, NOW - DESK_CALL_SECONDS - 1])
    expect(await checkDeskCall(header, SENT, now)).toMatchObject({ ok: false, problem: expect.stringContaining("the clock here says") });
});

test.each<[string, string | null, Partial<typeof SENT>]>([
  ["another desk", header, { desk: "https://other.example" }],
  ["another method", header, { method: "PUT" }],
  ["another path", header, { path: "/agent/A/requests" }],
  ["another body", header, { body: utf8('{"a":"2"}') }],
  ["no header", null, {}],
  ["no base64url", "{}", {}],
  ["a header without end", "A".repeat(MAX_HEADER_BYTES + 1), {}],
  ["another nonce", encoded({ ...signed, call: { ...signed.call, nonce: "00".repeat(32) } }), {}],
  ["another key", encoded({ ...signed, publicKey: "11".repeat(32) }), {}],
  ["a member more", encoded({ ...signed, more: "1" }), {}],
  ["a time that is none", encoded({ ...signed, call: { ...signed.call, at: "999999999999" } }), {}],
])("a call with %s does not count", async (_, given, changes) => {
  expect(await checkDeskCall(given, { ...SENT, ...changes }, NOW)).toMatchObject({ ok: false });
});
