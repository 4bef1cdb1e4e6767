/** Input fields that several commands share. */

import * as z from "zod";
import { MAX_PORT } from "../runtime/limits.ts";
import { writtenAmountSchema } from "../runtime/money.ts";

/** A text flag, checked by a schema of the protocol. Normalizes to NFC: keyboards may send another form. */
export function textField(schema: z.core.$ZodType<string, string>) {
  return z
    .string()
    .overwrite((text) => text.normalize("NFC"))
    .check((payload) => {
      const problem = z.safeParse(schema, payload.value).error?.issues[0]?.message;
      if (problem) payload.issues.push({ code: "custom", message: problem, input: payload.value });
    });
}

export const amountField = writtenAmountSchema.meta({ value: "amount" });

export const secondsField = z.coerce.number("must be whole seconds").int("must be whole seconds").positive("must be at least one second");

/** A port of the local stack. */
export function portField(usual: number) {
  const must = `must be a port, 0 to ${MAX_PORT}`;
  return z.coerce
    .number(must)
    .int(must)
    .min(0, must)
    .max(MAX_PORT, must)
    .default(usual)
    .meta({ value: "port", description: `${usual}; 0 is any free one` });
}

export const forceField = { force: z.boolean().default(false).meta({ local: true, description: "replace the file if it exists" }) };

export const includeField = {
  include: z.boolean().default(false).meta({ short: "i", description: "show the response headers, as curl -i does" }),
};

/** Commands of the agent had it in version 0.1. They replace no file. */
export const retiredForceField = {
  force: z
    .boolean()
    .default(false)
    .refine((given) => !given, "is no longer taken by commands of the agent: they replace no file. Name one that does not exist")
    .meta({ local: true, deprecated: true, description: "no longer taken: commands of the agent replace no file" }),
};

const UNITS: Record<string, number> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };
const SIZE = /^([1-9][0-9]{0,11})([KMG]?)$/i;

export const maxBodyField = {
  maxBody: z
    .string()
    .regex(SIZE, "must be a number of bytes, as in 500000, 20M or 1G")
    .optional()
    .meta({ value: "size", description: "the largest body to keep, as in 20M; 1G" }),
};

/** The bytes that a size names: `20M` is 20971520. */
export function bytesOf(size: string | undefined): number | undefined {
  const [, digits, unit = ""] = SIZE.exec(size ?? "") ?? [];
  return digits === undefined ? undefined : Number(digits) * (UNITS[unit.toUpperCase()] ?? 1);
}

/** A name. Not empty: an unset shell variable would give an empty one. */
export const nameField = z.string().min(1, "must not be empty");

/** The file of a new key. */
export const newKeyField = nameField
  .optional()
  .meta({ value: "file", description: "file for the key; else one beside the configuration, where every command finds it" });

/** An output file. A tool names it by a bare name in the client's folder. */
export function downloadField(description: string) {
  const tool = { takes: "download" as const, description: `${description}: a bare name; the answer says where it is` };
  return nameField.optional().meta({ value: "file", tool, description });
}

export const agentFileField = keyField("the agent's key; else the configured one, else the one that agent create made");

export const ownerFileField = keyField("the owner's key; else the configured one, else the one that owner create made");

/** Of an owner who signs for its page. */
export const deskField = z
  .string()
  .optional()
  .meta({ value: "url", description: "the desk, as your browser's address bar has it; else the configured one" });

export const recoveryField = nameField
  .optional()
  .meta({ value: "file", description: "the account's recovery file, if the key is one of several" });

function keyField(description: string) {
  return z.string().optional().meta({ value: "file", local: true, description });
}

export const dryRunField = { dryRun: z.boolean().default(false).meta({ description: "show what would happen, and change nothing" }) };

export const requestFileField = z.string().optional().meta({ value: "file", local: true, description: "the payment request, as a file" });

const SECONDS: Record<string, number> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };
const PERIOD = /^([1-9][0-9]{0,5})([smhd]?)$/;

/** `90`, `90s`, `10m`, `1h`, `35d`: seconds, at most `max`. */
export function periodField(max: number) {
  const problem = `must be a period such as 90s, 10m, 1h or 7d, at most ${max} seconds`;
  return z
    .string()
    .regex(PERIOD, problem)
    .transform(secondsOf)
    .refine((seconds) => seconds <= max, problem);
}

/** The seconds of a period; NaN for anything else. */
export function secondsOf(period: string): number {
  const [, count, unit = ""] = PERIOD.exec(period) ?? [];
  return Number(count) * (SECONDS[unit] ?? 1);
}
