/** `desk sign`: what the holder of an Ed25519 key signs for a hosted desk, whose page has no key to ask. */

import * as z from "zod";
import { toBase64url, utf8 } from "../../shared/crypto/bytes.ts";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { readSignElsewhere } from "../../shared/desk/sign-elsewhere.ts";
import { DESK_PROOF_SECONDS } from "../../shared/limits.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { duration } from "../../shared/screen/duration.ts";
import { unixNow } from "../../shared/time.ts";
import { findAtDesk, isOver } from "../approval/at-desk.ts";
import { declineAtDesk } from "../approval/decline-at-desk.ts";
import { decisionFields } from "../approval/decline.ts";
import { factLines } from "../approval/facts-screen.ts";
import { type AtDesk, missingText, signPart, unsent } from "../approval/sign-part.ts";
import { signProposal } from "../approval/sign-proposal.ts";
import { defineCommand } from "../command-line/command.ts";
import { deskField, nameField, ownerFileField, recoveryField, secondsField, textField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { findDeskOwner, signAtDesk } from "../hosted-desk/desk-owner.ts";
import { signInAt } from "../hosted-desk/owner-login.ts";
import { deskOrigin } from "../hosted-desk/pairing.ts";
import { isSealed } from "../keys/key-file.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { namesRequest } from "../purchase/find-request.ts";
import { checkAudit } from "../records/audit-log.ts";
import type { Context } from "../runtime/context.ts";
import { field, type Layout, wrap } from "../runtime/layout.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

/** How the page's text begins: it is a few lines long. */
const TEXT = "eyJ0eXBlIjoiUGFpcmluZyIs";

const input = z.strictObject({
  text: nameField.meta({
    positional: true,
    description: "the text that the page shows, good for five minutes, once; or the code of a request or of a proposed allowance",
  }),
  desk: deskField,
  recovery: recoveryField,
  ownerFile: ownerFileField,
  decline: z.boolean().default(false).meta({ description: "of a code: say no. One key of the account is enough, and it is final" }),
  ...decisionFields,
  expiresIn: secondsField.optional().meta({ value: "seconds", description: "of a request: let the payment expire sooner than offered" }),
  checkTerms: z.boolean().default(false).meta({ description: "of a request: refuse unless the merchant itself confirms the terms now" }),
  offline: z.boolean().default(false).meta({ description: "of a request: do not ask the merchant; the short code is typed instead of y" }),
  confirm: textField(digestSchema)
    .optional()
    .meta({ value: "digest", description: "the whole digest of what you read, in place of the question; skips no check" }),
  ...passphraseFields,
  ...facilitatorFields,
});
type Input = z.output<typeof input>;

/** For the page's field. */
const printedSchema = z.strictObject({
  desk: z.string(),
  account: z.string(),
  /** What was signed, in words. */
  what: z.string(),
  signed: z.string(),
});

/** The desk has it. */
const sentSchema = z.strictObject({
  desk: z.string(),
  account: z.string(),
  what: z.enum(["request", "allowance"]),
  shortCode: z.string(),
  digest: z.string(),
  did: z.enum(["signed", "declined"]),
  /** It was done before. */
  already: z.literal(true).optional(),
  /** Enough keys have signed. Absent of a no. */
  whole: z.boolean().optional(),
  /** Keys that must still sign. */
  missing: z.number().optional(),
});
type Sent = z.output<typeof sentSchema>;

export const deskSign = defineCommand({
  name: "desk sign",
  audience: "owner",
  summary: "sign at a hosted desk: a request, an allowance, a pairing, a setting",
  description:
    "For an owner with an Ed25519 key. With a text of the desk's page it signs a pairing or a change of a setting, and prints what goes into the page's field. With the code of a request it signs in to the desk, shows the request as approve does, and sends what you sign: the payment, or your key's part of it if several keys of the account sign together. The code of an allowance that another key proposes works the same way. For an account of several keys, name its recovery file. You type the passphrase of a sealed key twice: to sign in, which only reads, and after your yes.",
  input,
  output: z.union([printedSchema, sentSchema]),
  examples: [
    { says: "the text that the page shows, for a pairing or a setting", argv: `desk sign ${TEXT} --desk https://desk.example` },
    {
      says: "your part of a payment that several keys make, with its second key",
      argv: "desk sign 7F3K-9QPD --desk https://desk.example --recovery recovery.json --owner-file second-key.json",
    },
    {
      says: "a no, for all keys",
      argv: "desk sign 7F3K-9QPD --desk https://desk.example --recovery recovery.json --decline --code too_expensive",
    },
  ],
  async run(context, input) {
    const desk = deskOrigin(context, input.desk);
    if (!desk.ok) return desk;
    return namesRequest(input.text) ? decideAtDesk(context, desk.data, input) : signText(context, desk.data, input);
  },
  render: (data, layout) => ("signed" in data ? [data.signed] : sentText(data, layout)),
});

/** Signs in, and signs or declines what the code names there. */
async function decideAtDesk(context: Context, desk: string, input: Input): Promise<Outcome<Sent>> {
  const misplaced = input.decline ? undefined : (input.code ?? input.note);
  if (misplaced !== undefined) return fail("usage", "--code and --note say why you decline: they need --decline.");
  if (input.offline && input.checkTerms) return fail("usage", "--check-terms asks the merchant, and --offline does not. Give one of them.");
  const recordable = checkAudit(context);
  if (!recordable.ok) return recordable;
  const owner = findDeskOwner(context, input);
  if (!owner.ok) return owner;
  const { layout } = context;
  const again = isSealed(owner.data.found.key) ? " After your yes you type the passphrase again." : "";
  context.say(...wrap(`Your key signs in to ${desk}, to read what waits there. That moves no money.${again}`, layout.width));
  const login = await signInAt(context, desk, owner.data, input);
  if (!login.ok) return login;
  try {
    return await decideSignedIn(context, input, { login: login.data, owner: owner.data });
  } finally {
    await login.data.end();
  }
}

async function decideSignedIn(context: Context, input: Input, at: AtDesk): Promise<Outcome<Sent>> {
  const { login, owner } = at;
  const found = await findAtDesk(context, login, input.text);
  if (!found.ok) return found;
  const { kind, digest } = found.data;
  const known = { desk: login.desk, account: owner.account, shortCode: shortCode(digest), digest };
  if (kind === "over") {
    const { state } = found.data;
    const isDone = input.decline && state === "declined";
    return isDone
      ? succeed({ ...known, what: "request" as const, did: "declined" as const, already: true as const })
      : isOver(digest, state);
  }
  if (input.decline) {
    const declined = await (kind === "request"
      ? declineAtDesk(context, input, found.data.subject, at)
      : login.call("dropProposed", { mandate: digest }));
    if (!declined.ok) return unsent(declined);
    return succeed({ ...known, what: kind, did: "declined" as const, ...("already" in declined.data && { already: true as const }) });
  }
  const signed = await (kind === "request"
    ? signPart(context, { ...input, dryRun: false }, found.data.subject, at)
    : signProposal(context, input, found.data, at));
  return signed.ok ? succeed({ ...known, what: kind, did: "signed" as const, ...signed.data }) : signed;
}

function sentText({ desk, what, shortCode: code, did, already, whole, missing = 0 }: Sent, layout: Layout): string[] {
  const name = `${what === "request" ? "Request" : "Allowance"} ${code}`;
  if (did === "declined")
    return [
      already ? `${name} was declined before, says the desk.` : layout.ink("green", `${name} is declined, for all keys of the account.`),
    ];
  // Of a request the desk shows the proof; of an allowance it only names the keys.
  const before = `${name}: your key has signed it before${what === "allowance" ? ", says the desk" : ""}.`;
  const signed = already ? before : `${name}: your key has signed it.`;
  const now = whole
    ? what === "request"
      ? `It is approved: the desk at ${desk} hands the payment to the agent.`
      : `It is granted: the desk at ${desk} hands the allowance to the agent.`
    : missingText(missing);
  return [layout.ink("green", signed), ...wrap(now, layout.width)];
}

/** Shows what the page's text says, signs it, and returns what goes into the page's field. */
async function signText(context: Context, desk: string, input: Input): Promise<Outcome<z.output<typeof printedSchema>>> {
  const given = (["decline", "code", "note", "expiresIn", "checkTerms", "offline", "confirm"] as const).find((name) => input[name]);
  if (given !== undefined) return fail("usage", "Only the code of a request or of an allowance is decided with other flags.");
  const asked = readSignElsewhere(input.text);
  if (!asked.ok) return fail("usage", `The text ${asked.problem}.`, { hint: "Copy the whole command from the page." });
  const { shown, digest, object, member, issuedAt } = asked.read;
  if (object.desk !== desk) {
    return fail("usage", `The text is for another desk than ${desk}: ${object.desk}. Nothing was signed.`, {
      hint: "Do not trust the page that showed it before you know why.",
    });
  }
  const owner = findDeskOwner(context, input);
  if (!owner.ok) return owner;
  const { account } = owner.data;
  if (object.account !== account) {
    return fail("usage", `The text is for the account ${object.account}, and this key signs for ${account}. Nothing was signed.`, {
      hint: "Name the account's key with --owner-file, and its recovery file with --recovery if it has several.",
    });
  }
  if (issuedAt !== undefined && Math.abs(unixNow() - issuedAt) > DESK_PROOF_SECONDS) {
    return fail("request_expired", `The desk takes a change for ${duration(DESK_PROOF_SECONDS)}, and this one is from another time.`, {
      hint: "Let the page make it again. If it is new, compare the clocks of both machines.",
    });
  }
  const { layout } = context;
  context.say(
    layout.ink("bold", shown.title),
    ...field(layout, "Desk", object.desk),
    ...shown.facts.flatMap((fact) => factLines(layout, fact)),
    ...wrap(
      member === "pairing"
        ? "The agent's machine shows the same code, or this is not your agent. Paired, it can ask you for payments, and pay none by itself."
        : "It moves no money.",
      layout.width,
    ),
  );
  const proof = await signAtDesk(context, owner.data, digest, input);
  if (!proof.ok) return proof;
  const signed = toBase64url(utf8(JSON.stringify({ [member]: object, ...proof.data })));
  return succeed({ desk, account, what: shown.title, signed });
}
