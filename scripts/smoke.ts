/**
 * `npm run smoke -- URL`: buys one thing as a real buyer, with the CLI's own commands and throw-away keys in a temporary home. It
 * shows each command, and ends with the exit code of the one that decided.
 */

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import type { CommandContext } from "../agent-cli/command-line/command.ts";
import { failureText } from "../agent-cli/command-line/envelope.ts";
import { typeCommand } from "../agent-cli/onboarding/type-command.ts";
import { PROGRAM } from "../agent-cli/registry.ts";
import { LOCAL_FACILITATOR, readConfig } from "../agent-cli/runtime/config.ts";
import { contextFor } from "../agent-cli/runtime/context.ts";
import { EXIT, type ExitCode } from "../agent-cli/runtime/exit-codes.ts";
import { type Io, processIo } from "../agent-cli/runtime/io.ts";
import { fail, type Failure, type Outcome, succeed } from "../agent-cli/runtime/outcome.ts";
import { anyFiles } from "../agent-cli/runtime/user-files.ts";

/** Above the price of everything that the demo merchant sells. */
const DEFAULT_MAX = "0.0001LGO";
const REASON = "A smoke test of this shop: one purchase, as any buyer's agent and its owner make it.";

const HELP = `Usage: npm run smoke -- URL [options]

Buys what URL sells, once, with throw-away keys and the facilitator's test money.

  --facilitator URL       whom to ask for balances and test money; else LEZ_FACILITATOR_URL,
                          else ${LOCAL_FACILITATOR}
  --max AMOUNT            the most that it may cost; ${DEFAULT_MAX}
  --key-file FILE         pay with this owner's key, where there is no test money. At a
                          terminal you approve; else name --passphrase-file as well
  --passphrase-file FILE  the passphrase of that key: then it is approved without a question
`;

interface Smoke {
  url: string;
  max: string;
  /** The owner's key that pays; absent: a new one, with test money. */
  keyFile?: string | undefined;
  passphraseFile?: string | undefined;
}

/** Runs it with these arguments. @returns the exit code */
export async function smoke(argv: readonly string[], io: Io): Promise<ExitCode> {
  const context = commandContext(io);
  const read = argumentsOf(argv);
  if (read === "help") {
    io.stdout.write(HELP);
    return EXIT.ok;
  }
  const outcome = read.ok ? await inTemporaryHome(io, read.data.facilitator, read.data) : read;
  if (!outcome.ok) context.say("", ...failureText(outcome, context.layout, io.env));
  else io.stdout.write(`${JSON.stringify({ ok: true, ...outcome.data })}\n`);
  return outcome.ok ? EXIT.ok : outcome.exit;
}

function argumentsOf(argv: readonly string[]): Outcome<Smoke & { facilitator: string | undefined }> | "help" {
  const text = { type: "string" } as const;
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { facilitator: text, max: text, "key-file": text, "passphrase-file": text, help: { type: "boolean", short: "h" } },
    });
    if (values.help) return "help";
    const [url = "", ...more] = positionals;
    if (!URL.canParse(url) || more.length > 0)
      return fail("usage", "Name one URL that sells something.", { hint: "See: npm run smoke -- --help" });
    const { max = DEFAULT_MAX, facilitator, "key-file": keyFile, "passphrase-file": passphraseFile } = values;
    return succeed({ url, max, facilitator, keyFile, passphraseFile });
  } catch (error) {
    return fail("usage", (error as Error).message, { hint: "See: npm run smoke -- --help" });
  }
}

interface Bought {
  url: string;
  paid: string;
  transaction: string;
}

/** The home of a purchase that did not end well is kept: only its records show what became of the money. */
async function inTemporaryHome(io: Io, facilitator: string | undefined, asked: Smoke): Promise<Outcome<Bought>> {
  const home = mkdtempSync(path.join(tmpdir(), "lez-agent-pay-smoke-"));
  const env = { ...io.env, LEZ_AGENT_PAY_HOME: home, ...(facilitator !== undefined && { LEZ_FACILITATOR_URL: facilitator }) };
  const context = commandContext({ ...io, env });
  const approved = { request: "" };
  const bought = await buy(context, home, asked, approved);
  if (bought.ok || approved.request === "") rmSync(home, { recursive: true, force: true });
  else
    context.say("", `The records of this purchase are kept: LEZ_AGENT_PAY_HOME=${home} npx lez-agent-pay request show ${approved.request}`);
  return bought;
}

/** @param approved is told the request as soon as a payment of it may exist */
async function buy(context: CommandContext, home: string, asked: Smoke, approved: { request: string }): Promise<Outcome<Bought>> {
  const { url, max } = asked;
  const run = (...words: string[]) => typeCommand(context, ...words);
  const price = await reach(run, url);
  if (!price.ok) return price;
  if (!(price.data as { priced: boolean }).priced)
    return fail("no_payment_required", `${url} asks for no payment: there is nothing to buy.`);
  const agent = await run("agent", "create");
  if (!agent.ok) return agent;
  const owner = asked.keyFile === undefined ? await newOwner(run, home, max) : succeed(asked);
  if (!owner.ok) return owner;

  const pending = await run("fetch", url, "--reason", REASON, "--max-amount", max);
  if (pending.ok || pending.error.code !== "approval_pending") return pending.ok ? fail("internal", "It was bought unasked.") : pending;
  const { shortCode, requestDigest } = pending.error.details as { shortCode: string; requestDigest: string };
  approved.request = shortCode;
  const { keyFile, passphraseFile } = owner.data;
  const unasked = passphraseFile === undefined ? [] : ["--confirm", requestDigest, "--passphrase-file", path.resolve(passphraseFile)];
  const signed = await run("approve", shortCode, ...(keyFile === undefined ? [] : ["--owner-file", path.resolve(keyFile)]), ...unasked);
  if (!signed.ok) return signed;
  const paid = await run("fetch", "--resume", shortCode);
  if (!paid.ok) return paid;
  const { receipt } = paid.data as { receipt: { transaction: string } };
  const { approved: sum } = signed.data as { approved: { display: string } };
  return succeed({ url, paid: sum.display, transaction: receipt.transaction });
}

type Run = (...words: string[]) => Promise<Outcome<unknown>>;

/** The operator has named this address, and may be its owner: agents may reach it, wherever it is. */
async function reach(run: Run, url: string): Promise<Outcome<unknown>> {
  const first = await run("quote", url);
  if (first.ok || first.error.code !== "egress_denied") return first;
  const { member } = first.error.details as { member: { egress: { private?: string[] } } };
  const allowed = await run("config", "allow", new URL(url).origin, ...(member.egress.private ? ["--private"] : []));
  return allowed.ok ? run("quote", url) : allowed;
}

async function newOwner(run: Run, home: string, max: string): Promise<Outcome<Pick<Smoke, "keyFile" | "passphraseFile">>> {
  const passphraseFile = path.join(home, "passphrase");
  writeFileSync(passphraseFile, randomBytes(16).toString("hex"), { mode: 0o600 });
  const created = await run("owner", "create", "--passphrase-file", passphraseFile);
  if (!created.ok) return created;
  const granted = await run("faucet");
  return granted.ok ? succeed({ keyFile: undefined, passphraseFile }) : withoutMoney(granted, max);
}

function withoutMoney(refused: Failure, max: string): Failure {
  if (refused.error.code !== "not_found") return refused;
  return fail("not_set_up", "This facilitator gives no test money, so nothing was bought.", {
    hint: `Pay with an account of yours: --key-file OWNER.json, and --passphrase-file FILE where you cannot be asked. It costs at most ${max} (--max).`,
  });
}

function commandContext(io: Io): CommandContext {
  const context = contextFor(io, [], true);
  return { ...context, program: PROGRAM, files: anyFiles, config: () => readConfig(io), atEnd: () => undefined };
}

if (import.meta.main) process.exitCode = await smoke(process.argv.slice(2), processIo());
