/** The x402 extension `payment-identifier`: an id that the client chooses, under which a paid answer can be fetched again. */

import * as z from "zod/mini";

export const PAYMENT_IDENTIFIER = "payment-identifier";

/** 16 to 128 of these characters; `pay_` and a UUID is usual. */
const ID_PATTERN = "^[a-zA-Z0-9_-]{16,128}$";

const sentSchema = z.looseObject({ info: z.looseObject({ id: z.optional(z.string().check(z.regex(new RegExp(ID_PATTERN)))) }) });

/** The merchant's advertisement. */
export function paymentIdentifier(required: boolean) {
  const properties = { required: { type: "boolean" }, id: { type: "string", pattern: ID_PATTERN } };
  return { info: { required }, schema: { type: "object", properties, required: ["required"] } };
}

/** The client's echo: the advertised info with its id. */
export function withIdentifier(advertised: unknown, id: string): Record<string, unknown> {
  const info =
    typeof advertised === "object" && advertised !== null && "info" in advertised ? (advertised.info as object) : { required: false };
  return { info: { ...info, id } };
}

export type SentIdentifier = { ok: true; id?: string } | { ok: false };

/** Returns the id in a payment's extensions. Not ok: it has one of another form. */
export function identifierOf(extensions: Record<string, unknown> | null | undefined): SentIdentifier {
  const sent = extensions?.[PAYMENT_IDENTIFIER];
  if (sent === undefined || sent === null) return { ok: true };
  const parsed = z.safeParse(sentSchema, sent);
  if (!parsed.success) return { ok: false };
  const { id } = parsed.data.info;
  return { ok: true, ...(id !== undefined && { id }) };
}
