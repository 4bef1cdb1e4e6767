/** `pair`: joins this agent's key to its owner's account at a hosted desk, which then takes requests and gives decisions. */

import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { pairingCode, pairingLink } from "../../shared/desk/pairing-place.ts";
import { type AccountId, parseAccountId } from "../../shared/protocol/account.ts";
import type { SignedPairing } from "../../shared/protocol/desk.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { duration } from "../../shared/screen/duration.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField } from "../command-line/fields.ts";
import type { DeskCaller } from "../hosted-desk/client.ts";
import { askForGranted } from "../hosted-desk/granted.ts";
import { deskOrigin, endPairing, lookIntoPlace, newSecret, openPlace, pairingObjection, type Wanted } from "../hosted-desk/pairing.ts";
import { DeskTrouble } from "../hosted-desk/trouble.ts";
import { askYesOrNo, interrupted } from "../prompts/prompts.ts";
import { openAgent } from "../purchase/create-request.ts";
import { appendEntry, checkAudit } from "../records/audit-log.ts";
import { findPairing, forgetPairing, keepPairing, type KeptPairing, KIND_WORDS, kindOf } from "../records/pairings.ts";
import { type Context, warn } from "../runtime/context.ts";
import { field, wrap } from "../runtime/layout.ts";
import { DESK_PAUSE_MILLIS, PAIRING_SECONDS } from "../runtime/limits.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { qrCode } from "../runtime/qr-code.ts";

export const pairingSchema = z.strictObject({
  desk: z.string(),
  /** The owner's account. Decisions of every other one are refused. */
  account: z.string(),
  /** What controls it, as the owner's proof shows: its id does not. */
  kind: z.enum(["key", "passkey", "policy"]),
  /** The agent's public key. */
  agent: z.string(),
  pairedAt: z.string(),
});

export const pair = defineCommand({
  name: "pair",
  audience: "agent",
  summary: "join this agent to its owner's account at a desk",
  description:
    "Prints a link and a QR code for the owner, who confirms it at the desk within ten minutes. Both sides then show the same account and the same code. This machine uses nothing before its operator has confirmed them here, at a terminal; without one, --owner names the account. From then on requests go to the desk too, and from there no other account decides them.",
  input: z.strictObject({
    desk: z.string().optional().meta({ value: "url", description: "the owner's desk; else the configured one" }),
    owner: z.string().optional().meta({ value: "account", description: "the owner's account, of any kind; any other is refused" }),
    agentFile: agentFileField,
  }),
  output: pairingSchema.extend({ code: z.string() }),
  examples: [
    { says: "with the configured desk, whichever account confirms it", argv: "pair" },
    {
      says: "with one account only, and without a terminal",
      argv: "pair --desk https://desk.example --owner 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj",
    },
  ],
  async run(context, { desk: given, owner: named, agentFile }) {
    const account = named === undefined ? undefined : parseAccountId(named);
    if (account && !account.ok) return fail("usage", `--owner: ${account.problem}.`);
    const desk = deskOrigin(context, given);
    if (!desk.ok) return desk;
    if (!context.interactive && !account) {
      return fail("interaction_required", "This machine's operator must confirm the owner's account, and there is no terminal to ask on.", {
        hint: "Run it in a terminal, or name the account that the owner tells you: --owner ACCOUNT",
      });
    }
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    const agent = await openAgent(context, agentFile);
    if (!agent.ok) return agent;
    const { signer } = agent.data;
    const before = await findPairing(context, signer.publicKey);
    if (!before.ok) return before;
    if (before.data && !(await isEndedThere(context, signer, before.data))) {
      return fail("usage", `This agent is paired already, with ${before.data.account} at ${before.data.desk}.`, {
        hint: "To pair it anew, run lez-agent-pay unpair first.",
      });
    }
    if (before.data) {
      const ended = await forget(context, before.data);
      if (!ended.ok) return ended;
      warn(context, `The owner ended the pairing with ${before.data.account} at ${before.data.desk}. This machine forgets it.`);
    }
    const wanted: Wanted = { desk: desk.data, agent: signer.publicKey, secret: newSecret(), account: account?.account };
    const signed = await meetOwner(context, { desk: desk.data, signer }, wanted);
    if (!signed.ok) return signed;
    return confirmed(context, { desk: desk.data, signer }, signed.data, account !== undefined);
  },
  render: (data, layout) => [
    layout.ink("green", `Paired with ${data.account}`),
    ...field(layout, "kind", `an account ${KIND_WORDS[data.kind]}`),
    ...field(layout, "desk", data.desk),
    ...field(layout, "code", data.code),
    ...field(layout, "agent", data.agent),
  ],
});

/** A desk that does not answer has ended nothing. */
async function isEndedThere(context: Context, signer: WalletSigner, { desk, account }: KeptPairing): Promise<boolean> {
  const asked = await askForGranted(context, { desk, signer }, account);
  return !asked.ok && asked.error.code === "not_paired";
}

function forget(context: Context, { desk, account, agent }: KeptPairing): Promise<Outcome<boolean>> {
  return exclusively(context, () => {
    const noted = appendEntry(context, "unpaired", { agentKey: agent, desk, account });
    return noted.ok ? forgetPairing(context, agent) : noted;
  });
}

/** Shows the link, and waits until the owner has confirmed it at the desk. Writes nothing. */
async function meetOwner(context: Context, caller: DeskCaller, wanted: Wanted): Promise<Outcome<SignedPairing>> {
  const opened = await openPlace(context, caller, wanted);
  if (!opened.ok) return opened;
  const until = Date.now() + PAIRING_SECONDS * 1000;
  showLink(context, wanted);
  const trouble = new DeskTrouble();
  for (;;) {
    context.progress(waitingText(context, wanted, until));
    const began = Date.now();
    const answer = await lookIntoPlace(context, caller, wanted);
    if (context.io.signal.aborted) {
      context.progress("");
      return interrupted(
        "Nothing is paired on this machine. The link works for ten minutes. An owner who opens it pairs the agent's key at the desk alone, and can remove it there. `pair` makes another link.",
      );
    }
    if (answer.ok && answer.data.state === "paired") {
      context.progress("");
      const { pairing } = answer.data;
      return (await pairingObjection(pairing, wanted)) ?? succeed(pairing);
    }
    // A desk forgets a place when its time is over.
    const isGone = !answer.ok && answer.error.code === "pairing_not_found";
    if (!answer.ok && !answer.silent && !isGone) return answer;
    if (isGone || Date.now() >= until) {
      context.progress("");
      return fail("request_expired", `The owner did not confirm the pairing within ${duration(PAIRING_SECONDS)}.`, {
        hint: "Run it again: it makes another link.",
      });
    }
    if (answer.ok) trouble.end(context, wanted.desk);
    else trouble.hear(context, answer.error.message, "This command asks it again.");
    const rest = DESK_PAUSE_MILLIS - (Date.now() - began);
    if (rest > 0) await sleep(rest, undefined, { signal: context.io.signal }).catch(() => undefined);
  }
}

function waitingText({ layout }: Context, { desk }: Wanted, until: number): string {
  // Count down only where the line can be redrawn.
  const left = layout.moves ? `, ${duration(Math.max(0, Math.ceil((until - Date.now()) / 1000)))} left` : "";
  return `Waiting for the owner to confirm it at ${desk}${left}`;
}

function showLink(context: Context, { desk, agent, secret, account }: Wanted): void {
  const { layout } = context;
  const link = pairingLink(desk, agent, secret, account);
  const code = qrCode(link, layout, context.io.env);
  context.say(
    ...wrap("The owner opens this link once, within ten minutes. It is for the owner alone.", layout.width),
    "",
    // Whole, on lines of its own: it is copied.
    link,
    "",
    ...(code ? [...code, ""] : []),
    ...(account === undefined ? [] : [...field(layout, "account", account), ...codeField(context, { desk, agent, secret, account })]),
  );
}

function codeField({ layout }: Context, pairing: { desk: string; agent: string; secret: string; account: AccountId }): string[] {
  return field(layout, "code", `${pairingCode(pairing)}, which the desk must show too`);
}

/** Shows whose proof it is. Without --owner the operator says whether it is the owner's: a link can be opened by others. */
async function confirmed(context: Context, caller: DeskCaller, signed: SignedPairing, isNamed: boolean) {
  const { layout } = context;
  const { pairing } = signed;
  const { account, desk, agent } = pairing;
  const kind = kindOf(signed);
  if (!isNamed) {
    context.say(
      ...field(layout, "account", account),
      ...field(layout, "kind", `an account ${KIND_WORDS[kind]}`),
      ...field(layout, "desk", desk),
      ...codeField(context, pairing),
    );
    const yes = await askYesOrNo(context, "Is this the owner's account, and does the desk show the same code?");
    if (yes !== true) {
      const told = await endPairing({ ...context, io: { ...context.io, signal: new AbortController().signal } }, caller, account);
      const left = `Nothing is paired on this machine.${told.ok ? "" : " The desk did not hear of it: its owner ends the pairing there."}`;
      return yes === undefined ? interrupted(left) : fail("pairing_differs", `The pairing was not confirmed. ${left}`);
    }
  }
  const pairedAt = formatTimestamp(unixNow());
  return exclusively(context, () => {
    const noted = appendEntry(context, "paired", { desk, account, agentKey: agent });
    if (!noted.ok) return noted;
    const kept = keepPairing(context, signed, pairedAt);
    return kept.ok ? succeed({ desk, account, kind, agent, pairedAt, code: pairingCode(pairing) }) : kept;
  });
}
