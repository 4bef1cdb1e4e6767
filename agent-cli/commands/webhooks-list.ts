/** `webhooks list`: what a merchant could not yet tell its seller's server. */

import * as z from "zod";
import { quote } from "../../shared/screen/escapes.ts";
import { defineCommand } from "../command-line/command.ts";
import { askWebhookQueue, webhookFields } from "../merchant/webhook-queue.ts";
import { counted, field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

const word = z.string().max(300);
const count = z.int().nonnegative();
const listSchema = z.looseObject({
  waiting: count,
  undelivered: count,
  refused: count,
  gone: z.boolean(),
  oldest: z.array(
    z.looseObject({
      id: word,
      type: word,
      transaction: z.string().max(2100),
      queuedAt: word,
      tries: count,
      state: z.enum(["waiting", "undelivered"]),
      nextTry: word.optional(),
      problem: word.optional(),
    }),
  ),
});

export const webhooksList = defineCommand({
  name: "webhooks list",
  audience: "dev",
  readOnly: true,
  summary: "messages that the seller's server has not taken",
  description:
    "The merchant tries each message 8 times in 24 hours, and then lists it as undelivered for 30 days. Needs the key whose SHA-256 is OPERATOR_KEY_SHA256 of the merchant's Worker. The texts are the merchant's.",
  input: z.strictObject(webhookFields),
  output: listSchema,
  examples: [
    { says: "of your shop", argv: "webhooks list --merchant-url https://shop.example --operator-key-file shop.key" },
    { says: "for a monitor", argv: "webhooks list --merchant-url https://shop.example --operator-key-file shop.key --json" },
  ],
  async run(context, input) {
    const list = await askWebhookQueue(context, input, listSchema);
    return list.ok ? succeed(list.data) : list;
  },
  render: ({ waiting, undelivered, refused, gone, oldest }, layout) => [
    layout.ink("bold", waiting + undelivered === 0 ? "No message waits." : `${counted(waiting + undelivered, "message")} not delivered.`),
    ...(undelivered > 0 ? field(layout, "given up", `${undelivered}: all tries failed`) : []),
    ...(refused > 0 ? field(layout, "refused", `${refused}, since the queue was full; the merchant's log names them`) : []),
    ...(gone ? field(layout, "stopped", "the server answered 410, and is sent nothing") : []),
    ...oldest.flatMap(({ id, type, transaction, queuedAt, tries, nextTry, problem: words }) => [
      "",
      quote(id),
      ...field(layout, "event", `${quote(type)} of ${quote(queuedAt)}`),
      ...field(layout, "transaction", quote(transaction)),
      ...field(layout, "tries", `${tries}${nextTry === undefined ? ", given up" : `, the next at ${quote(nextTry)}`}`),
      ...(words === undefined ? [] : field(layout, "problem", quote(words))),
    ]),
  ],
});
