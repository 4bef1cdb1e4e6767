/** `request export`: everything that an owner on another machine needs to decide, in one file. */

import * as z from "zod";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { defineCommand } from "../command-line/command.ts";
import { nameField } from "../command-line/fields.ts";
import { findInInbox, requestField } from "../purchase/find-request.ts";
import { subjectSchema } from "../purchase/request-subject.ts";
import { bundleOf, bundleSchema } from "../records/request-bundle.ts";
import { findRequest } from "../records/request-store.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const requestExport = defineCommand({
  name: "request export",
  audience: "agent",
  readOnly: true,
  story: true,
  summary: "a request in one file, for an owner on another machine",
  description:
    "Holds the request, the merchant's terms, the body and the headers; values of credentials are left out. Without --out the file goes to stdout. The owner approves it there with --request-file and --out, and `decision import` brings the answer back.",
  input: z.strictObject({
    request: requestField,
    out: nameField.optional().meta({ value: "file", description: "the file; else stdout" }),
  }),
  output: subjectSchema.extend({
    file: z.string().optional(),
    /** The file's content, if none was written. */
    bundle: z.custom((value) => bundleSchema.safeParse(value).success).optional(),
  }),
  examples: [
    { says: "to stdout", argv: "request export 7F3K-9QPD" },
    { says: "into a file, to be carried over", argv: "request export 7F3K-9QPD --out request.json" },
  ],
  async run(context, { request, out }) {
    const writable = out === undefined ? succeed(undefined) : context.files.checkNew(out);
    if (!writable.ok) return writable;
    const item = await findInInbox(context, request);
    if (!item.ok) return item;
    const { digest } = item.data;
    const stored = findRequest(context, digest);
    if (!stored.ok) return stored;
    const bundle = bundleOf(stored.data);
    const named = { shortCode: shortCode(digest), requestDigest: digest };
    if (out === undefined) return succeed({ ...named, bundle });
    const written = context.files.writeNew(out, bundleText(bundle));
    return written.ok
      ? succeed(
          { ...named, file: out },
          {
            argv: ["lez-agent-pay", "approve", "--request-file", out, "--out", `decision-${named.shortCode}.json`],
            by: "owner",
            why: "on the owner's machine: read and decide",
          },
        )
      : written;
  },
  render: ({ shortCode: code, file, bundle }, layout) =>
    bundle === undefined ? [`Request ${code} written`, ...field(layout, "file", file ?? "")] : [bundleText(bundle).trimEnd()],
});

function bundleText(bundle: unknown): string {
  return `${JSON.stringify(bundle, null, 2)}\n`;
}
