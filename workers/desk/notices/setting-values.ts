/** What an owner sets of notices, and whether it can be. */

import * as z from "zod/mini";
import { fromBase64url } from "../../../shared/crypto/bytes.ts";
import { type SettingName, WEBHOOK_FORMATS } from "../../../shared/desk/hosted-api.ts";
import { MAX_DEVICE_LABEL_LENGTH, MAX_URL_LENGTH } from "../../../shared/limits.ts";
import { nameText } from "../../../shared/text/text.ts";

export type NoticeSetting = Exclude<SettingName, "keys.set" | "agent.unpair">;

const POINT_BYTES = 65;
const UNCOMPRESSED = 4;
const AUTH_BYTES = 16;

const base64url = (isRight: (bytes: Uint8Array) => boolean, message: string) =>
  z.string().check(z.refine((text) => isRight(fromBase64url(text) ?? new Uint8Array()), message));

const subscriptionSchema = z.strictObject({
  endpoint: z.string().check(z.maxLength(MAX_URL_LENGTH)),
  keys: z.strictObject({
    p256dh: base64url(
      (bytes) => bytes.length === POINT_BYTES && bytes[0] === UNCOMPRESSED,
      "must be an uncompressed P-256 point in base64url",
    ),
    auth: base64url((bytes) => bytes.length === AUTH_BYTES, `must be ${AUTH_BYTES} bytes in base64url`),
  }),
});
/** As the browser gave it, without what no push needs. */
export type Subscription = z.infer<typeof subscriptionSchema>;

const id = z.strictObject({ id: z.string().check(z.regex(/^[0-9a-f]{64}$/, "must be an id of the list")) });
const change = <Name extends NoticeSetting, Value extends z.core.$ZodType>(name: Name, value: Value) =>
  z.strictObject({ name: z.literal(name), value });

/** A setting's name, and the value that its owner signed. */
export const noticeChangeSchema = z.discriminatedUnion("name", [
  change("device.add", z.strictObject({ subscription: subscriptionSchema, label: nameText(MAX_DEVICE_LABEL_LENGTH) })),
  change("device.remove", id),
  change("webhook.add", z.strictObject({ format: z.enum(WEBHOOK_FORMATS), url: z.string().check(z.maxLength(MAX_URL_LENGTH)) })),
  change("webhook.remove", id),
  change("notices.say-more", z.strictObject({ on: z.boolean() })),
]);
