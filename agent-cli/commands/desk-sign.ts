/** `desk sign`: the holder of an Ed25519 key pairs an agent or changes a setting at a hosted desk, whose page has no key to ask. */

import * as z from "zod";
import { toBase64url, utf8 } from "../../shared/crypto/bytes.ts";
import { readSignElsewhere } from "../../shared/desk/sign-elsewhere.ts";
import { DESK_PROOF_SECONDS } from "../../shared/limits.ts";
import { duration } from "../../shared/screen/duration.ts";
import { unixNow } from "../../shared/time.ts";
import { factLines } from "../approval/facts-screen.ts";
import { defineCommand } from "../command-line/command.ts";
import { deskField, nameField, ownerFileField, recoveryField } from "../command-line/fields.ts";
import { findDeskOwner, signAtDesk } from "../hosted-desk/desk-owner.ts";
import { deskOrigin } from "../hosted-desk/pairing.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { field, wrap } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";

/** How the page's text begins: it is a few lines long. */
const TEXT = "eyJ0eXBlIjoiUGFpcmluZyIs";

export const deskSign = defineCommand({
  name: "desk sign",
  audience: "owner",
  summary: "pair an agent, or change a setting, at a hosted desk with an Ed25519 key",
  description:
    "The desk's page shows a text and this command. It reads the text strictly, shows what it says, and signs a pairing or a change of a setting, never a payment. What it prints goes into the page's field. Compare the code of a pairing with the agent's before you type the passphrase.",
  input: z.strictObject({
    text: nameField.meta({ positional: true, description: "what the page shows: good for five minutes, once" }),
    desk: deskField,
    recovery: recoveryField,
    ownerFile: ownerFileField,
    ...passphraseFields,
  }),
  output: z.strictObject({
    desk: z.string(),
    account: z.string(),
    /** What was signed, in words. */
    what: z.string(),
    signed: z.string(),
  }),
  examples: [
    { says: "what the page shows", argv: `desk sign ${TEXT} --desk https://desk.example` },
    {
      says: "for an account of several keys, with its second key",
      argv: `desk sign ${TEXT} --desk https://desk.example --recovery recovery.json --owner-file second-key.json`,
    },
  ],
  async run(context, input) {
    const desk = deskOrigin(context, input.desk);
    if (!desk.ok) return desk;
    const asked = readSignElsewhere(input.text);
    if (!asked.ok) return fail("usage", `The text ${asked.problem}.`, { hint: "Copy the whole command from the page." });
    const { shown, digest, object, member, issuedAt } = asked.read;
    if (object.desk !== desk.data) {
      return fail("usage", `The text is for another desk than ${desk.data}: ${object.desk}. Nothing was signed.`, {
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
    return succeed({ desk: desk.data, account, what: shown.title, signed });
  },
  // The line alone: it is copied, or piped.
  render: ({ signed }) => [signed],
});
