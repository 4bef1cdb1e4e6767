/** `ledger clock`: shows the ledger's time, or sets it. For the ledger's operator. */

import * as z from "zod";
import { CLOCK_RISK } from "../../shared/ledger/set-clock.ts";
import { formatTimestamp, parseTimestamp } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { callFacilitator, facilitatorFields, secondsSchema } from "../facilitator/client.ts";
import { operatorKeyField, readOperatorKey } from "../keys/operator-key.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { field } from "../runtime/layout.ts";
import { refuse, succeed } from "../runtime/outcome.ts";

const clockSchema = z.object({
  shards: z.array(z.object({ shard: z.number(), now: secondsSchema, final: secondsSchema, machine: secondsSchema })),
});

export const ledgerClock = defineCommand({
  name: "ledger clock",
  audience: "dev",
  summary: "show the ledger's time, or set it back after a wrong clock",
  description: [
    "Setting it needs the operator's key, whose SHA-256 is OPERATOR_KEY_SHA256 of the ledger's Worker.",
    "A shard is set behind what it has refused or forgotten forever only with --risk, typed out as:",
    `"${CLOCK_RISK}".`,
  ].join(" "),
  input: z.strictObject({
    set: z
      .string()
      .refine((text) => parseTimestamp(text) !== undefined, "must be an RFC 3339 UTC time like 2026-01-31T12:00:00Z")
      .optional()
      .meta({ value: "time", description: "the time to set, as in 2026-01-31T12:00:00Z" }),
    risk: z.string().optional().meta({ value: "text", description: "what may happen then, typed out" }),
    ...operatorKeyField,
    ...facilitatorFields,
  }),
  output: clockSchema,
  examples: [
    { says: "the local stack's ledger", argv: "ledger clock" },
    { says: "after a clock that was a year ahead", argv: "ledger clock --set 2026-01-31T12:00:00Z --operator-key-file operator.key" },
  ],
  async run(context, input) {
    const { set, risk, operatorKeyFile } = input;
    const key = operatorKeyFile === undefined ? undefined : readOperatorKey(operatorKeyFile);
    if (key?.ok === false) return key;
    const body = set === undefined ? undefined : { to: parseTimestamp(set), ...(risk !== undefined && { risk }) };
    const clock = await callFacilitator(context, input, {
      path: "/ledger/clock",
      answer: clockSchema,
      key: key?.data,
      ...(body && { body }),
    });
    key?.data.wipe();
    if (clock.ok) return succeed(clock.data);
    if (clock.error.code !== "payment_expired") return clock;
    return refuse(
      "payment_expired",
      EXIT.differs,
      "A shard has refused or forgotten something forever at a later time. It was not changed.",
      {
        hint: `Name a time from "final" on, which \`ledger clock\` shows, or add: --risk "${CLOCK_RISK}"`,
      },
    );
  },
  render: ({ shards }, layout) =>
    shards.flatMap(({ shard, now, final, machine }) => [
      layout.ink("bold", `Shard ${shard}`),
      ...field(layout, "time", formatTimestamp(now)),
      ...field(layout, "final", `${formatTimestamp(final)}: no later refusal is final`),
      ...field(layout, "machine", formatTimestamp(machine)),
    ]),
});
