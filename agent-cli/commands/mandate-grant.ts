/** `mandate grant`: the owner signs limits once, within which an agent pays without asking. */

import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { MAX_MANDATE_NOTE_LENGTH } from "../../shared/limits.ts";
import { type Mandate, mandateDigest, mandateSchema } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { worstCase } from "../../shared/screen/mandate-facts.ts";
import { money } from "../../shared/screen/money.ts";
import { humanText } from "../../shared/text/text.ts";
import { unixNow } from "../../shared/time.ts";
import { confirmMandate, grantMandate, mandateScreen, mandateView } from "../approval/grant-mandate.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField, forceField, nameField, ownerFileField, textField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { askLedgerInTime } from "../facilitator/ledger-id.ts";
import { findKey } from "../keys/key-file.ts";
import { checkDestination } from "../keys/output-file.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { AGENT_WORD, agentKeyOf } from "../purchase/find-agent.ts";
import { checkedMandate, draftMandate, limitFields, loweredSession } from "../purchase/mandate-draft.ts";
import { keptMandates } from "../records/mandates.ts";
import type { Context } from "../runtime/context.ts";
import { expiry, expirySchema, expiryText } from "../runtime/expiry.ts";
import { readJson, writeJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";

const input = z.strictObject({
  agent: nameField.optional().meta({ value: "agent", description: `${AGENT_WORD}; else this machine's agent` }),
  ...limitFields,
  note: textField(humanText(MAX_MANDATE_NOTE_LENGTH)).optional().meta({ value: "text", description: "a note of yours, in the mandate" }),
  draft: nameField
    .optional()
    .meta({ value: "file", local: true, description: "a mandate that was written down before, by you or an agent; other flags lower it" }),
  confirm: textField(digestSchema)
    .optional()
    .meta({ value: "digest", description: "the whole digest of the draft that you read, in place of the question" }),
  out: nameField.optional().meta({ value: "file", description: "file for the mandate, for an agent on another machine" }),
  ownerFile: ownerFileField,
  ...passphraseFields,
  ...facilitatorFields,
  ...dryRunField,
  ...forceField,
});
type Input = z.output<typeof input>;

export const mandateGrant = defineCommand({
  name: "mandate grant",
  audience: "owner",
  summary: "let an agent pay within limits, without asking each time",
  description:
    "Shows the limits, and first the most that they can cost; asks, and signs exactly what was shown. The ledger counts each payment against them. An agent on this machine finds the mandate by itself; for another one, name a file with --out.",
  input,
  output: z.strictObject({
    dryRun: z.literal(true).optional(),
    file: z.string().optional(),
    shortCode: z.string(),
    mandate: z.string(),
    agentKey: z.string(),
    from: z.string(),
    /** The most that it can cost. */
    worst: moneySchema,
    perPayment: moneySchema,
    total: moneySchema,
    payees: z.array(z.string()),
    origins: z.array(z.string()),
    schemes: z.array(z.string()),
    ...expirySchema,
  }),
  examples: [
    {
      says: "a shop, one cent of an LGO a day",
      argv: "mandate grant --origin https://shop.example --per-payment 0.001LGO --per 24h=0.01LGO --total 0.3LGO --for 30d",
    },
    {
      says: "prices that are known afterwards, too",
      argv: "mandate grant --origin https://shop.example --scheme exact --scheme upto --per-payment 0.001LGO --total 0.3LGO",
    },
    {
      says: "many small calls at one shop, out of money that is set aside",
      argv: "mandate grant --origin https://shop.example --per-payment 1000 --total 0.3LGO --session 0.005LGO",
    },
    {
      says: "write it down, read it, grant that",
      argv: "mandate grant --origin https://shop.example --per-payment 1000 --total 50000 --dry-run --out draft.json",
    },
    { says: "a draft, with a lower total", argv: "mandate grant --draft draft.json --total 20000 --out mandate.json" },
  ],
  async run(context, input) {
    const place = checkDestination(input.out, input.force);
    if (!place.ok) return place;
    const owner = findOwner(context, input.ownerFile);
    if (!owner.ok) return owner;
    const ledger = await askLedgerInTime(context, input);
    if (!ledger.ok) return ledger;
    const here = { from: owner.data.key.account, ledger: ledger.data };
    const mandate = await (input.draft === undefined ? fresh(context, input, here) : lowered(input.draft, input, here));
    if (!mandate.ok) return mandate;
    const revoked = await revokedBefore(context, mandate.data);
    if (revoked) return revoked;
    const view = await mandateView(context, { ...input, offline: false }, mandate.data);
    if (!view.ok) return view;
    context.say(...mandateScreen(view.data, context.layout));
    if (input.dryRun) {
      const written = input.out === undefined ? succeed(undefined) : writeJson(input.out, mandate.data, input.force);
      return written.ok ? succeed({ dryRun: true as const, ...dataOf(mandate.data, input.out) }) : written;
    }
    const confirmed = await confirmMandate(context, view.data, input.confirm);
    if (!confirmed.ok) return confirmed;
    const signer = await openOwner(context, owner.data, input);
    if (!signer.ok) return signer;
    const granted = await grantMandate(context, mandate.data, signer.data, input);
    return granted.ok ? succeed(dataOf(mandate.data, input.out)) : granted;
  },
  render: (data, layout) => [
    data.dryRun ? "Nothing was signed." : layout.ink("green", `Granted: this agent may spend up to ${data.worst.display} without asking`),
    ...field(layout, "mandate", data.shortCode),
    ...(data.dryRun ? field(layout, "digest", data.mandate) : []),
    ...(data.file ? field(layout, "file", data.dryRun ? data.file : `${data.file}; there: lez-agent-pay mandate accept`) : []),
    ...field(layout, "valid until", expiryText(data)),
    ...(data.dryRun ? [] : field(layout, "take it back", `lez-agent-pay mandate revoke ${data.shortCode}`)),
  ],
});

function dataOf(mandate: Mandate, file: string | undefined) {
  const digest = mandateDigest(mandate);
  return {
    ...(file !== undefined && { file }),
    shortCode: shortCode(digest),
    mandate: digest,
    agentKey: mandate.agent,
    from: mandate.from,
    worst: money(worstCase(mandate).toString(), mandate.asset),
    perPayment: money(mandate.perPayment, mandate.asset),
    total: money(mandate.total, mandate.asset),
    payees: [...mandate.payees],
    origins: [...mandate.origins],
    schemes: [...mandate.schemes],
    ...expiry(Number(mandate.validBefore), unixNow()),
  };
}

type Here = Pick<Mandate, "from" | "ledger">;

/** The mandate that the flags describe, from now on. */
async function fresh(context: Context, input: Input, here: Here): Promise<Outcome<Mandate>> {
  const agent = await agentOf(context, input.agent);
  return agent.ok ? draftMandate(context, input, { ...here, agent: agent.data }) : agent;
}

async function agentOf(context: Context, word: string | undefined): Promise<Outcome<string>> {
  if (word !== undefined) return agentKeyOf(context, word);
  const found = findKey(context, "agent", undefined);
  return found.ok ? succeed(found.data.key.publicKey) : found;
}

/** A draft, with the limits that the flags lower. */
function lowered(file: string, input: Input, here: Here): Outcome<Mandate> {
  const read = readJson(file, mandateSchema, { what: "draft of a mandate", named: true });
  if (!read.ok) return read;
  const draft = read.data;
  const fixed = { agent: input.agent, origin: input.origin[0], payee: input.payee[0], scheme: input.scheme[0] };
  const given = Object.entries(fixed).find(([, value]) => value !== undefined);
  if (given) return fail("usage", `--${given[0]} does not go with --draft: the draft names it. Make another draft.`);
  // The screen's sums are of this asset, and the ledger counts no other.
  if (draft.network !== NETWORK || draft.asset !== ASSET)
    return fail("unsupported", `The draft is for ${quote(`${draft.asset} on ${draft.network}`)}, which this version cannot pay with.`);
  if (draft.from !== here.from) return fail("usage", `The draft is for account ${draft.from}, and this is the key of ${here.from}.`);
  if (draft.ledger !== here.ledger) return fail("usage", "The draft is for another ledger than the one that this facilitator settles on.");
  const now = unixNow();
  if (Number(draft.grantedAt) > now)
    return fail("usage", "The draft is dated ahead.", { hint: "Make another one, or check this machine's clock." });
  const { perPayment = draft.perPayment, total = draft.total } = input;
  const per = input.per ? { ...draft.period, ...input.per } : draft.period;
  const validBefore = input.for === undefined ? draft.validBefore : String(Number(draft.validAfter) + input.for - 1);
  if (Number(validBefore) < now) return fail("usage", "The draft is over.", { hint: "Make another one." });
  const raised =
    BigInt(perPayment) > BigInt(draft.perPayment) ||
    BigInt(total) > BigInt(draft.total) ||
    Number(validBefore) > Number(draft.validBefore) ||
    (draft.period !== undefined && per !== undefined && isRaised(per, draft.period));
  const { session, sessionFor, sessions, sessionDelay } = input;
  const ofSessions = loweredSession(draft.session, { session, sessionFor, sessions, sessionDelay });
  if (raised || !ofSessions) return fail("usage", "Flags beside --draft only lower its limits. To raise one, make another draft.");
  return checkedMandate({
    ...draft,
    perPayment,
    total,
    validBefore,
    ...(per && { period: per }),
    ...(ofSessions.session && { session: ofSessions.session }),
    ...(input.note !== undefined && { note: input.note }),
  });
}

/** A draft that was granted and revoked would be signed in vain: the ledger knows its digest. */
async function revokedBefore(context: Context, mandate: Mandate): Promise<Failure | undefined> {
  const kept = await keptMandates(context);
  if (!kept.ok) return kept;
  const found = kept.data.mandates.find(({ digest }) => digest === mandateDigest(mandate));
  if (found?.revokedAt === undefined) return undefined;
  return fail("usage", `Mandate ${found.shortCode} was granted before, and revoked at ${found.revokedAt}. That is final.`, {
    hint: "Make another draft: it gets a new salt, and so a new mandate.",
  });
}

function isRaised(now: NonNullable<Mandate["period"]>, before: NonNullable<Mandate["period"]>): boolean {
  const count = (period: typeof now) => Number(period.count ?? Infinity);
  return BigInt(now.amount) > BigInt(before.amount) || Number(now.seconds) < Number(before.seconds) || count(now) > count(before);
}
