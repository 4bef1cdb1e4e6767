/** `approve`: the owner reads what will be paid, to whom, for what, and signs exactly that. */

import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { isNativeRequest } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { approveNative } from "../approval/approve-native.ts";
import { type Approval, approvalSchema, approvalText, approveOne } from "../approval/approve-one.ts";
import { approveSeveral } from "../approval/batch-native.ts";
import { namedRequests, requestsOfAgent } from "../approval/batch-requests.ts";
import { type Batch, batchSchema } from "../approval/batch.ts";
import { sequencerFields } from "../chain/open-chain.ts";
import { defineCommand } from "../command-line/command.ts";
import {
  amountField,
  dryRunField,
  forceField,
  requestFileField,
  nameField,
  ownerFileField,
  secondsField,
  textField,
} from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { findLezOwner, openLezOwner } from "../keys/lez-owner.ts";
import { checkDestination } from "../keys/output-file.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { AGENT_WORD } from "../purchase/find-agent.ts";
import { type Subject, subjectOf } from "../purchase/request-subject.ts";
import { takeBackFromDesk } from "../purchase/take-back.ts";
import type { Context } from "../runtime/context.ts";
import { counted, type Layout, wrap } from "../runtime/layout.ts";
import { fail, type Outcome } from "../runtime/outcome.ts";

const input = z.strictObject({
  request: z
    .array(nameField)
    .default([])
    .meta({ positional: true, description: "its short code, id or digest; several are shown together, with one question" }),
  requestFile: requestFileField,
  ownerFile: ownerFileField,
  out: nameField.optional().meta({ value: "file", description: "file for the signed payment, for an agent on another machine" }),
  expiresIn: secondsField.optional().meta({ value: "seconds", description: "let the payment expire sooner than offered" }),
  checkTerms: z.boolean().default(false).meta({ description: "refuse unless the merchant itself confirms the terms now" }),
  offline: z.boolean().default(false).meta({ description: "do not ask the merchant; the short code is typed instead of y" }),
  allFrom: nameField.optional().meta({ value: "agent", description: `all that wait, of one agent: ${AGENT_WORD}; needs --up-to` }),
  upTo: amountField.optional().meta({ value: "units", description: "several requests: no more than this in all" }),
  confirm: z.array(textField(digestSchema)).default([]).meta({
    value: "digest",
    description: "the whole digest of the request that you read, in place of the question; skips no check; repeat it for several requests",
  }),
  ...passphraseFields,
  ...facilitatorFields,
  ...sequencerFields,
  ...dryRunField,
  ...forceField,
});
type Input = z.output<typeof input>;

export const approve = defineCommand({
  name: "approve",
  aliases: ["owner approve"],
  audience: "owner",
  summary: "read a payment request, then sign it or not",
  description:
    "Shows what will be paid, to whom and for what, asks, and signs exactly what was shown. An agent on this machine finds the payment in the inbox; for an agent elsewhere, name a file with --out.",
  input,
  output: z.union([approvalSchema, batchSchema]),
  examples: [
    { says: "read, decide, sign", argv: "approve 7F3K-9QPD" },
    { says: "several with one question and one passphrase", argv: "approve 7F3K-9QPD 2MBX-40TC" },
    { says: "what one agent asks for, up to a sum", argv: "approve --all-from 7F3K-9QPD --up-to 50000" },
    {
      says: "a request in a file, by the digest of the request that was read elsewhere",
      argv: "owner approve --request-file request.json --out payment-payload.json --confirm 2d8f0c64b1a97e53f6e0d4c2987b5a1330c6e7d9f84b2a15e09c3d7f6b8a4210 --passphrase-file secret.txt",
    },
  ],
  async run(context, input) {
    const place = destination(input);
    if (!place.ok) return place;
    if (isBatch(input)) {
      const requests = await (input.allFrom === undefined
        ? namedRequests(context, input.request)
        : requestsOfAgent(context, input.allFrom));
      if (!requests.ok) return requests;
      const batch = await approveSeveral(context, input, requests.data);
      if (!input.dryRun) for (const { subject } of requests.data.candidates) await takeBackFromDesk(context, subject.digest);
      return batch;
    }
    const {
      request: [request],
      confirm: [confirm],
    } = input;
    const subject = await subjectOf(context, { ...input, request });
    if (!subject.ok) return subject;
    const named = { ...input, request, confirm };
    const approved = await (isNativeRequest(subject.data.request) ? onChain : onMock)(context, named, subject.data);
    if (approved.ok && !input.dryRun) await takeBackFromDesk(context, subject.data.digest);
    return approved;
  },
  render: (data, layout) => ("approvals" in data ? renderBatch(data, layout) : approvalText(data, layout)),
});

type Named = Omit<Input, "request" | "confirm"> & { request: string | undefined; confirm: string | undefined };

async function onMock(context: Context, input: Named, subject: Subject): Promise<Outcome<Approval>> {
  const owner = findOwner(context, input.ownerFile);
  return owner.ok ? approveOne(context, input, subject, owner.data, () => openOwner(context, owner.data, input)) : owner;
}

/** Another kind of key signs what is paid on the chain itself. */
async function onChain(context: Context, input: Named, subject: Subject): Promise<Outcome<Approval>> {
  const owner = findLezOwner(context, input.ownerFile);
  return owner.ok ? approveNative(context, input, subject, owner.data, () => openLezOwner(context, owner.data, input)) : owner;
}

function renderBatch({ dryRun, approvals, native = [], leftOut, sum }: Batch, layout: Layout): string[] {
  const did = dryRun ? "Nothing was signed. It would approve" : "Approved";
  const lines = (list: readonly Approval[]) =>
    list.flatMap(({ shortCode, approved, method, url, requestDigest }) => [
      `  ${shortCode}  ${approved.display} for ${showUnsafe(`${method} ${url}`)}`,
      ...(dryRun ? [`    --confirm ${requestDigest}`] : []),
    ]);
  const one = (text: string, list: readonly Approval[]) => (list.length > 0 ? [layout.ink("green", `${did} ${text}`), ...lines(list)] : []);
  return [
    ...one(`${counted(approvals.length, "request")}: ${sum.display} in all`, approvals),
    ...one(`${counted(native.length, "request")} on the chain itself:`, native),
    ...leftOut.flatMap(({ request, message }) => wrap(`! ${showUnsafe(`${request}: ${message}`)}`, layout.width)),
  ];
}

function isBatch({ request, allFrom }: Input): boolean {
  return request.length > 1 || allFrom !== undefined;
}

/** A payment needs a destination: a file that can be written, or the inbox that holds the request. */
function destination(input: Input): Outcome<undefined> {
  const { out, requestFile, force, offline, checkTerms, request, allFrom, upTo, confirm } = input;
  if (isBatch(input)) {
    if (out !== undefined || requestFile !== undefined)
      return fail("usage", "Several requests are approved from the inbox: leave --out and --request-file out.");
    if (allFrom !== undefined && request.length > 0) return fail("usage", "Name the requests, or give --all-from, not both.");
    if (allFrom !== undefined && upTo === undefined)
      return fail("usage", "--all-from needs --up-to: the most that you want to approve in all.");
  } else if (upTo !== undefined) return fail("usage", "--up-to is for several requests.");
  else if (confirm.length > 1) return fail("usage", "--confirm is given once per request.");
  if (offline && checkTerms) return fail("usage", "--check-terms asks the merchant, and --offline does not. Give one of them.");
  if (out === undefined && requestFile !== undefined) return fail("usage", "--out is required with --request-file.");
  return checkDestination(out, force);
}
