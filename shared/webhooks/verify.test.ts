/** `verifyWebhook` against messages that the official `standardwebhooks` 1.1.1 signed, and against changed ones. */

import { expect, test } from "vitest";
import { utf8 } from "../crypto/bytes.ts";
import { type WebhookEvent, webhookId } from "./event.ts";
import { webhookKeys, webhookSignature } from "./signature.ts";
import { verifyWebhook } from "./verify.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const NOW = 1_614_265_330;
const ACCOUNT = "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj";
const EVENT: WebhookEvent = {
  type: "payment.settled",
  timestamp: "2021-02-25T15:02:10Z",
  data: { transaction: "ab", payer: ACCOUNT, payee: ACCOUNT, amount: "10000", asset: "native", network: "logos:lez-testnet" },
} as WebhookEvent;
const BODY = JSON.stringify(EVENT);
const ID = webhookId(EVENT);

function headers(body = BODY, secret = SECRET, at = NOW, id = ID) {
  const message = { id, timestamp: String(at), body: utf8(body) };
  const signature = webhookKeys(secret).map((key) => webhookSignature(key, message));
  return { "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": signature.join(" ") };
}

test("signs as the specification's example is signed [webhook-signature]", () => {
  const [key = new Uint8Array()] = webhookKeys(SECRET);
  const message = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: String(NOW), body: utf8('{"test": 2432232314}') };
  expect(webhookSignature(key, message)).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});

test.each([
  ["bytes", utf8(BODY), headers()],
  ["text", BODY, new Headers(headers())],
])("takes a message as %s and says what it is and how it is called", (_what, body, sent) => {
  expect(verifyWebhook(body, sent, SECRET, { now: NOW })).toEqual({ ok: true, id: ID, event: EVENT });
});

test("knows an event by its id, however often it is told", () => {
  expect(ID).toMatch(/^msg_[0-9a-f]{32}$/);
  expect(webhookId({ ...EVENT, timestamp: "2026-01-01T00:00:00Z" })).toBe(ID);
  expect(webhookId({ ...EVENT, type: "payment.undelivered" })).not.toBe(ID);
});

test("takes a message under either secret while one replaces the other", () => {
  for (const secret of [SECRET, OTHER]) {
    expect(verifyWebhook(BODY, headers(BODY, `${SECRET} ${OTHER}`), secret, { now: NOW })).toMatchObject({ ok: true });
    expect(verifyWebhook(BODY, headers(BODY, secret), `${OTHER} ${SECRET}`, { now: NOW })).toMatchObject({ ok: true });
  }
});

const unsigned = { "webhook-id": ID, "webhook-timestamp": String(NOW) };
test.each<[what: string, code: string, body: string, sent: Record<string, string>, now?: number]>([
  ["without a signature", "missing_header", BODY, unsigned],
  ["under another secret", "wrong_signature", BODY, headers(BODY, OTHER)],
  ["whose body was changed", "wrong_signature", BODY.replace("10000", "90000"), headers()],
  ["whose id was changed", "wrong_signature", BODY, { ...headers(), "webhook-id": "msg_other" }],
  ["whose time was changed", "wrong_signature", BODY, { ...headers(), "webhook-timestamp": String(NOW + 1) }],
  [
    "of another version",
    "wrong_signature",
    BODY,
    { ...headers(), "webhook-signature": headers()["webhook-signature"].replace("v1,", "v2,") },
  ],
  ["of before", "wrong_time", BODY, headers(), NOW + 301],
  ["of a clock ahead", "wrong_time", BODY, headers(), NOW - 301],
  ["without a time", "wrong_time", BODY, { ...headers(), "webhook-timestamp": "now" }],
  ["of an event that is not known", "unknown_event", '{"type":"payment.imagined"}', headers('{"type":"payment.imagined"}')],
  ["that is no JSON", "unknown_event", "{", headers("{")],
])("refuses a message %s as %s", (_what, code, body, sent, now = NOW) => {
  expect(verifyWebhook(body, sent, SECRET, { now })).toMatchObject({ ok: false, code });
});

test.each(["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", `${SECRET} ${SECRET} ${SECRET}`, "whsec_!"])(
  "refuses %j as a secret, without repeating it",
  (secret) => {
    expect(() => webhookKeys(secret)).toThrow(TypeError);
    if (secret.length > 7) expect(() => webhookKeys(secret)).not.toThrow(secret);
  },
);
