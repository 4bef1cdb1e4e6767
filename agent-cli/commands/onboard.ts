/**
 * `onboard`: from nothing to a first purchase. It runs the commands that a person would type, and shows them. What exists is
 * used and never made again, so it can stop anywhere and be run again.
 */

import * as z from "zod";
import type { AccountId } from "../../shared/protocol/account.ts";
import { type CommandContext, defineCommand } from "../command-line/command.ts";
import { portField } from "../command-line/fields.ts";
import { askBalance, balanceSchema } from "../facilitator/balances.ts";
import { findKey, type FoundKey, type Role } from "../keys/key-file.ts";
import { findFacilitator, type FoundFacilitator } from "../onboarding/find-facilitator.ts";
import { askWhatToBuy, buyOnce } from "../onboarding/first-purchase.ts";
import { mcpServer, nextSteps } from "../onboarding/next-steps.ts";
import { typeCommand } from "../onboarding/type-command.ts";
import { purchaseSchema } from "../purchase/purchase.ts";
import { field, wrap } from "../runtime/layout.ts";
import { LOCAL_FACILITATOR_PORT, LOCAL_MERCHANT_PORT } from "../runtime/limits.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";

const onboardInput = z.strictObject({
  url: z.string().optional().meta({ positional: true, description: "what to buy; else the local stack's report" }),
  merchantPort: portField(LOCAL_MERCHANT_PORT),
  facilitatorPort: portField(LOCAL_FACILITATOR_PORT),
});

const onboardOutput = z.strictObject({
  /** What this run made; nothing, if all of it was there. */
  made: z.array(z.enum(["owner key", "agent key", "test money", "purchase"])),
  ownerFile: z.string(),
  agentFile: z.string(),
  account: z.string(),
  facilitator: z.string(),
  balance: balanceSchema,
  purchase: purchaseSchema.optional(),
  /** How an agent's program starts the MCP server. */
  mcp: z.strictObject({ command: z.string(), args: z.array(z.string()), env: z.record(z.string(), z.string()).optional() }),
  /** The command that starts the local stack again. This run started it, and ends it. */
  stack: z.array(z.string()).optional(),
});
type Onboarded = z.output<typeof onboardOutput>;
type Made = Pick<Onboarded, "made">;

export const onboard = defineCommand({
  name: "onboard",
  audience: "owner",
  summary: "make both keys, get test money, and buy one thing",
  description:
    "Three minutes, in a terminal. It uses what exists: run it again after an interruption, and it goes on. Without a configured facilitator it runs the local stack until it ends, and keeps the stack's ledger in the state directory.",
  input: onboardInput,
  output: onboardOutput,
  examples: [
    { says: "from nothing to a first purchase", argv: "onboard" },
    { says: "buy something else", argv: "onboard https://api.example.com/premium" },
  ],
  async run(context, input) {
    if (!context.interactive) return noTerminal();
    sayText(context, "Two keys, some test money, and one purchase that you approve. Ctrl-C stops it anywhere; run again, it goes on.");
    const facilitator = await findFacilitator(context, input);
    if (!facilitator.ok) return facilitator;
    const outcome = await fromKeysToPurchase(facilitator.data, input.url);
    if (!outcome.ok)
      return { ...outcome, next: { argv: ["lez-agent-pay", ...context.argv], by: "owner" as const, why: "go on from here" } };
    sayOutcome(context, outcome.data);
    return outcome;
  },
  render: () => [],
});

function noTerminal(): Failure {
  return fail("interaction_required", "onboard asks its questions in a terminal, and there is none.", {
    hint: "Run its steps instead: owner create --passphrase-file FILE, agent create, faucet, fetch. The owner approves with --confirm.",
  });
}

async function fromKeysToPurchase(
  { context, url, premium, stack }: FoundFacilitator,
  product: string | undefined,
): Promise<Outcome<Onboarded>> {
  sayChapter(context, "Two keys: yours approves payments, the agent's asks for them");
  const owner = await useOrMakeKey(context, "owner");
  if (!owner.ok) return owner;
  const agent = await useOrMakeKey(context, "agent");
  if (!agent.ok) return agent;
  const { account } = owner.data.key;

  sayChapter(context, "Test money");
  const funds = await fundOnce(context, account);
  if (!funds.ok) return funds;

  sayChapter(context, "A purchase: the agent asks, you approve, the agent pays");
  const known = product ?? premium;
  const wanted = known === undefined ? await askWhatToBuy(context) : succeed(known);
  if (!wanted.ok) return wanted;
  const open = known !== undefined && known === premium ? await openToAgents(context, new URL(known).origin) : succeed(undefined);
  if (!open.ok) return open;
  const bought = await buyOnce(context, wanted.data);
  if (!bought.ok) return bought;

  const balance = await askBalance(context, { allowHttp: false }, account);
  if (!balance.ok) return balance;
  return succeed({
    made: [owner, agent, funds, bought].flatMap(({ data }) => data.made),
    ownerFile: owner.data.file,
    agentFile: agent.data.file,
    account,
    facilitator: url,
    balance: balance.data,
    ...(bought.data.purchase && { purchase: bought.data.purchase }),
    mcp: mcpServer(context),
    ...(stack && { stack }),
  });
}

async function useOrMakeKey(context: CommandContext, role: Role): Promise<Outcome<FoundKey & Made>> {
  const found = findKey(context, role, undefined);
  if (!found.ok && found.error.code !== "key_not_found") return found;
  if (found.ok) {
    sayText(context, `The ${role}'s key is in ${found.data.file}.`);
    return succeed({ ...found.data, made: [] });
  }
  const created = await typeCommand(context, role, "create");
  if (!created.ok) return created;
  const key = findKey(context, role, undefined);
  return key.ok ? succeed({ ...key.data, made: [`${role} key` as const] }) : key;
}

/** The local stack's merchant is on this machine, where agents reach nothing unasked. */
async function openToAgents(context: CommandContext, origin: string): Promise<Outcome<unknown>> {
  const config = context.config();
  if (!config.ok || config.data.egress.loopback.includes(origin)) return config;
  return typeCommand(context, "config", "allow", origin);
}

/** Only an empty account is filled: what a test facilitator gives is limited. */
async function fundOnce(context: CommandContext, account: AccountId): Promise<Outcome<Made>> {
  let balance = await askBalance(context, { allowHttp: false }, account);
  if (!balance.ok && balance.error.code === "unauthorized") {
    sayText(context, "This facilitator shows an account to its owner alone. Your passphrase signs what this machine reads it with.");
    const opened = await typeCommand(context, "accounts");
    if (!opened.ok) return opened;
    balance = await askBalance(context, { allowHttp: false }, account);
  }
  if (!balance.ok) return balance;
  if (balance.data.balance.amount !== "0") {
    sayText(context, `The account has ${balance.data.balance.display}.`);
    return succeed({ made: [] });
  }
  const granted = await typeCommand(context, "faucet");
  if (granted.ok) return succeed({ made: ["test money" as const] });
  const hint = `If this facilitator gives no test money, ask its operator to pay some to ${account}.`;
  return { ...granted, error: { hint, ...granted.error } };
}

function sayOutcome(context: CommandContext, data: Onboarded): void {
  const { layout } = context;
  sayChapter(context, data.made.length > 0 ? `Done: ${data.made.join(", ")}` : "Everything was there; nothing was changed");
  context.say(
    ...field(layout, "owner key", data.ownerFile),
    ...field(layout, "agent key", data.agentFile),
    ...field(layout, "account", data.account),
    ...field(layout, "balance", data.balance.spendable.display),
  );
  sayChapter(context, "What next");
  context.say(...nextSteps(context, data));
}

function sayChapter(context: CommandContext, title: string): void {
  const { layout } = context;
  context.say("", ...wrap(title, layout.width).map((line) => layout.ink("bold", line)));
}

function sayText(context: CommandContext, text: string): void {
  context.say(...wrap(text, context.layout.width));
}
