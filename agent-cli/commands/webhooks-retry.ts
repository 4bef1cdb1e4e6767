/** `webhooks retry`: asks the merchant to send undelivered webhooks again, now. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { askWebhookQueue, webhookFields } from "../merchant/webhook-queue.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { counted } from "../runtime/layout.ts";
import { refuse, succeed } from "../runtime/outcome.ts";

const sentSchema = z.looseObject({ sent: z.int().nonnegative() });

export const webhooksRetry = defineCommand({
  name: "webhooks retry",
  audience: "dev",
  summary: "send undelivered messages again",
  description:
    "Each message gets all of its 8 tries again, the first at once, and a server that answered 410 is asked again. A message that has arrived is not among them. Needs the key whose SHA-256 is OPERATOR_KEY_SHA256 of the merchant's Worker.",
  input: z.strictObject({
    id: z
      .string()
      .regex(/^msg_[0-9a-f]{32}$/, "must be the id of a message, as `webhooks list` shows it")
      .optional()
      .meta({ value: "id", description: "this message alone" }),
    ...webhookFields,
  }),
  output: sentSchema,
  examples: [
    {
      says: "all of them, once the server works again",
      argv: "webhooks retry --merchant-url https://shop.example --operator-key-file shop.key",
    },
    {
      says: "one",
      argv: "webhooks retry --id msg_0c2cf3b1f7a9a1e04f6f3bb39c3f5d7e --merchant-url https://shop.example --operator-key-file shop.key",
    },
  ],
  async run(context, { id, ...input }) {
    const answer = await askWebhookQueue(context, input, sentSchema, id === undefined ? {} : { id });
    if (!answer.ok) return answer;
    if (id === undefined || answer.data.sent > 0) return succeed(answer.data);
    return refuse("not_found", EXIT.differs, "No such message waits: it has arrived, or has ended.", {
      hint: "lez-agent-pay webhooks list shows those that wait.",
    });
  },
  render: ({ sent }, layout) => [layout.ink("green", sent === 0 ? "No message waits." : `${counted(sent, "message")} sent again, now.`)],
});
