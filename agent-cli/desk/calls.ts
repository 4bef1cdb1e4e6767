/**
 * What the page can ask. A decision is the terminal's own: `decline`, `revoke` and `mandate revoke` run as commands, and an approval is read
 * and signed by the functions of `approve`.
 */

import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { type Answer, type CallName, EXPORT_FORMATS } from "../../shared/desk/api.ts";
import { approvalWire } from "../../shared/desk/approval-wire.ts";
import { nativeWire } from "../../shared/desk/native-wire.ts";
import { NETWORK } from "../../shared/lez.ts";
import { DECLINE_CODES } from "../../shared/protocol/decision.ts";
import { isRightAnswer, requiredAnswer, wrongAnswerText } from "../../shared/screen/answer.ts";
import { unixNow } from "../../shared/time.ts";
import { readRequest, signReading } from "../approval/approve-one.ts";
import { readOffChain } from "../approval/off-chain.ts";
import type { ProgramContext } from "../command-line/command.ts";
import { secondsField } from "../command-line/fields.ts";
import { runCommand } from "../command-line/run.ts";
import { askBalance } from "../facilitator/balances.ts";
import type { FacilitatorInput } from "../facilitator/client.ts";
import { type FoundKey, isSealed } from "../keys/key-file.ts";
import { openOwner } from "../keys/owner-key.ts";
import { subjectOf } from "../purchase/request-subject.ts";
import { takeBackFromDesk } from "../purchase/take-back.ts";
import { auditFile } from "../records/audit-file.ts";
import { readAudit } from "../records/audit-log.ts";
import { BALANCE_TIMEOUT_SECONDS, MAX_HISTORY_DAYS } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { historyOf } from "./history.ts";
import type { Readings } from "./readings.ts";

/** What a call works with. The context is one call's own: it collects what is said, and has the passphrase that came with it. */
export interface Desk {
  context: ProgramContext;
  owner: FoundKey;
  facilitator: FacilitatorInput;
  readings: Readings;
}

interface Call<Name extends CallName, Shape extends z.ZodType> {
  ask: Shape;
  run(desk: Desk, ask: z.output<Shape>): Promise<Outcome<Answer<Name>>> | Outcome<Answer<Name>>;
}

const word = z.string().min(1).max(200);
/** A digest, and no word that could name a file. */
const request = z.strictObject({ request: z.custom<Digest>((value) => digestSchema.safeParse(value).success, "must be a digest") });
export const CALLS: { [Name in CallName]: Call<Name, z.ZodObject> } = {
  state: call("state", z.strictObject({}), async ({ context, owner: { key }, facilitator }) => {
    const known = { account: key.account, sealed: isSealed(key), network: NETWORK };
    const balance = await askBalance(context, facilitator, key.account, BALANCE_TIMEOUT_SECONDS);
    if (!balance.ok) return succeed({ ...known, balanceProblem: balance.error.message });
    const { spendable, held } = balance.data;
    return succeed({ ...known, balance: { spendable, held } });
  }),

  requests: call("requests", z.strictObject({ all: z.boolean(), cursor: word.optional() }), (desk, { all, cursor }) =>
    command(desk, "inbox", { all, cursor }),
  ),

  request: call("request", request, (desk, ask) => command(desk, "request show", ask)),

  read: call("read", request.extend({ expiresIn: secondsField.optional() }), async (desk, { request, expiresIn }) => {
    const { context, owner, facilitator, readings } = desk;
    const subject = await subjectOf(context, { request });
    if (!subject.ok) return subject;
    const input = { ...facilitator, offline: false, checkTerms: false, dryRun: false, expiresIn };
    const reading = await readRequest(context, input, subject.data, owner);
    if (!reading.ok) return reading;
    return succeed({ reading: readings.keep({ reading: reading.data, expiresIn }), view: approvalWire(reading.data, expiresIn) });
  }),

  readNative: call("readNative", request, async ({ context }, { request }) => {
    const subject = await subjectOf(context, { request });
    if (!subject.ok) return subject;
    const view = await readOffChain(context, subject.data);
    return view.ok ? succeed({ view: nativeWire(view.data) }) : view;
  }),

  approve: call(
    "approve",
    z.strictObject({ reading: word, digest: word, typed: z.string().max(200).default("") }),
    async ({ context, owner, readings }, { reading: id, digest, typed }) => {
      const kept = readings.find(id, digest, unixNow());
      if (!kept.ok) return kept;
      const { reading, expiresIn } = kept.data;
      if (!isRightAnswer(reading, typed)) return fail("typed_confirmation_required", wrongAnswerText(requiredAnswer(reading)));
      const input = { request: reading.checked.digest, force: false, expiresIn };
      const signed = await signReading(context, input, { reading, how: "desk" }, owner, () => openOwner(context, owner, {}));
      if (signed.ok) {
        readings.forget(id);
        await takeBackFromDesk(context, reading.checked.digest);
      }
      return signed;
    },
  ),

  decline: call(
    "decline",
    request.extend({ code: z.enum(DECLINE_CODES), note: z.string().optional() }),
    (desk, { request, code, note }) => {
      const signed = desk.context.typed && { ownerFile: desk.owner.file };
      return command(desk, "decline", { request, code, note, ...signed });
    },
  ),

  takeBack: call(
    "takeBack",
    request.extend({ code: z.enum(DECLINE_CODES), note: z.string().optional() }),
    (desk, { request, code, note }) => command(desk, "revoke", { request, code, note, ownerFile: desk.owner.file, ...desk.facilitator }),
  ),

  mandates: call("mandates", z.strictObject({ all: z.boolean() }), (desk, { all }) =>
    command(desk, "mandate list", { all, ...desk.facilitator }),
  ),

  revokeMandate: call("revokeMandate", z.strictObject({ mandate: word }), (desk, { mandate }) => {
    return command(desk, "mandate revoke", { mandate, ownerFile: desk.owner.file, ...desk.facilitator });
  }),

  history: call(
    "history",
    z.strictObject({
      days: z.int().min(1).max(MAX_HISTORY_DAYS),
      agent: z.string().max(200).optional(),
      merchant: z.string().max(300).optional(),
      day: z.iso.date().optional(),
    }),
    ({ context }, filter) => historyOf(context, filter, unixNow()),
  ),

  receipt: call("receipt", request, (desk, ask) => command(desk, "receipt show", ask)),

  export: call("export", z.strictObject({ format: z.enum(EXPORT_FORMATS) }), ({ context }, { format }) => {
    const log = readAudit(context);
    if (!log.ok) return log;
    const made = auditFile(context, log.data, format);
    if (!made.ok) return made;
    const { text } = made.data;
    const isCsv = format !== "jsonl";
    return succeed({
      name: format === "payments" ? "payments.csv" : `audit.${format}`,
      type: isCsv ? "text/csv" : "application/jsonl",
      text,
    });
  }),
};

function call<Name extends CallName, Shape extends z.ZodObject>(
  _: Name,
  ask: Shape,
  run: Call<Name, Shape>["run"],
): Call<Name, z.ZodObject> {
  return { ask, run };
}

/** Runs a command as the terminal does, without its questions. The API's types are a part of its output: its schema checks the whole. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the command is named by a string, its answer by the call
async function command<Data>(desk: Desk, name: string, raw: Record<string, unknown>): Promise<Outcome<Data>> {
  const found = desk.context.program.commands.find((one) => one.name === name);
  if (!found) return fail("internal", `There is no command ${name}.`);
  const given = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined));
  return (await runCommand(found, given, desk.context)) as Outcome<Data>;
}
