/** `desk sign-in`: the holder of an Ed25519 key signs in to a hosted desk, whose page has no key to ask. */

import * as z from "zod";
import { toBase64url, utf8 } from "../../shared/crypto/bytes.ts";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { type Login, loginDigest } from "../../shared/protocol/desk.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { deskField, ownerFileField, recoveryField, textField } from "../command-line/fields.ts";
import { findDeskOwner, signAtDesk } from "../hosted-desk/desk-owner.ts";
import { deskOrigin } from "../hosted-desk/pairing.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { field, wrap } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const deskSignIn = defineCommand({
  name: "desk sign-in",
  audience: "owner",
  summary: "sign in to a hosted desk with an Ed25519 key",
  description:
    "The desk's page shows a nonce and this command. What it prints goes into the page's field. It lets the page read for an hour, and moves no money: read which desk it names before you type the passphrase.",
  input: z.strictObject({
    nonce: textField(digestSchema).meta({ positional: true, description: "the nonce that the page shows: 64 hex digits, good once" }),
    desk: deskField,
    recovery: recoveryField,
    ownerFile: ownerFileField,
    ...passphraseFields,
  }),
  output: z.strictObject({ desk: z.string(), account: z.string(), issuedAt: z.string(), signedLogin: z.string() }),
  examples: [
    { says: "what the page shows", argv: `desk sign-in ${"3f".repeat(32)} --desk https://desk.example` },
    {
      says: "for an account of several keys, with its second key",
      argv: `desk sign-in ${"3f".repeat(32)} --desk https://desk.example --recovery recovery.json --owner-file second-key.json`,
    },
  ],
  async run(context, input) {
    const desk = deskOrigin(context, input.desk);
    if (!desk.ok) return desk;
    const owner = findDeskOwner(context, input);
    if (!owner.ok) return owner;
    const { account } = owner.data;
    const now = unixNow();
    const login: Login = { version: "1", origin: desk.data, account, nonce: input.nonce as Digest, issuedAt: String(now) };
    const { layout } = context;
    context.say(
      layout.ink("bold", "Sign in to a desk"),
      ...field(layout, "desk", login.origin),
      ...field(layout, "account", login.account),
      ...field(layout, "nonce", login.nonce),
      ...wrap("With what is printed, a browser reads the account's requests and history for an hour. It moves no money.", layout.width),
    );
    const proof = await signAtDesk(context, owner.data, loginDigest(login), input);
    if (!proof.ok) return proof;
    const signedLogin = toBase64url(utf8(JSON.stringify({ login, ...proof.data })));
    return succeed({ desk: desk.data, account, issuedAt: formatTimestamp(now), signedLogin });
  },
  // The line alone: it is copied, or piped.
  render: ({ signedLogin }) => [signedLogin],
});
