/** The checks of `doctor`, in the order in which to fix them. */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { isNativeNetwork } from "../../shared/lez.ts";
import { CLOCK_SKEW_SECONDS, MAX_FACILITATOR_BODY_BYTES } from "../../shared/limits.ts";
import { parseJson } from "../../shared/text/json.ts";
import { type FacilitatorInput, facilitatorUrl } from "../facilitator/client.ts";
import { otherLedger } from "../facilitator/other-ledger.ts";
import { askForGranted } from "../hosted-desk/granted.ts";
import { findKey, isSealed, type Role, unlockKey } from "../keys/key-file.ts";
import { findLezOwner } from "../keys/lez-owner.ts";
import { listPurchases } from "../purchase/purchase-list.ts";
import { checkAudit, readAudit } from "../records/audit-log.ts";
import { findPairing, KIND_WORDS } from "../records/pairings.ts";
import { allPayments, authorizationOf } from "../records/payment-journal.ts";
import { areApart, CLOCK_HINT, clocksAt, clockSkewText } from "../runtime/clocks.ts";
import type { Context } from "../runtime/context.ts";
import { exchange, type HttpResponse } from "../runtime/exchange.ts";
import { writeWhole } from "../runtime/files.ts";
import { counted } from "../runtime/layout.ts";
import { DOCTOR_TIMEOUT_SECONDS } from "../runtime/limits.ts";
import type { Next } from "../runtime/outcome.ts";
import { proxyNamed, routeFor } from "../runtime/route.ts";
import { stateHome } from "../runtime/state-directory.ts";
import { checkChains } from "./doctor-chain.ts";
import { type Check, failed } from "./doctor-check.ts";

interface Input extends FacilitatorInput {
  agentFile?: string | undefined;
  ownerFile?: string | undefined;
}

export async function checkUp(context: Context, input: Input): Promise<{ checks: Check[]; next?: Next }> {
  const agent = checkKey(context, "agent", input.agentFile);
  const owner = checkOwner(context, input.ownerFile);
  const desk = await deskOf(context, input.agentFile);
  // An agent's machine has no owner's key, and should not.
  const ownerCheck: Check =
    owner.missing && desk !== undefined
      ? { check: "owner key", verdict: "good", detail: `none here; the owner decides at ${desk}` }
      : owner.missing
        ? { ...owner.check, verdict: "note" }
        : owner.check;
  const checks = [
    checkNode(),
    checkConfig(context),
    checkState(context),
    agent.check,
    ownerCheck,
    checkNetwork(context),
    ...(await checkFacilitator(context, input)),
    ...(await checkChains(context)),
    ...(await checkDesk(context, input.agentFile)),
    await checkInbox(context),
    checkLog(context),
  ];
  const next = agent.next ?? (owner.missing && desk === undefined ? owner.next : undefined);
  return { checks, ...(next && { next }) };
}

function checkNode(): Check {
  // bin.js refuses older versions before this runs.
  return { check: "node", verdict: "good", detail: `Node.js ${process.versions.node}` };
}

function checkConfig(context: Context): Check {
  const config = context.config();
  if (!config.ok) return failed("configuration", config);
  const { file, exists, facilitatorUrl } = config.data;
  if (!exists) {
    return { check: "configuration", verdict: "note", detail: `none; ${file} would name the facilitator to trust and the keys to use` };
  }
  if (facilitatorUrl === undefined) return { check: "configuration", verdict: "note", detail: `${file} names no facilitator to trust` };
  return { check: "configuration", verdict: "good", detail: file };
}

function checkState(context: Context): Check {
  const home = stateHome(context);
  if (!home.ok) return failed("state directory", home);
  // An existing directory is not enough: the disk may be full or read-only.
  const probe = path.join(home.data, `probe-${process.pid}`);
  const written = writeWhole(probe, "Can this be written?\n", true);
  if (!written.ok) return failed("state directory", written);
  fs.rmSync(probe, { force: true });
  return { check: "state directory", verdict: "good", detail: home.data };
}

function checkKey(context: Context, role: Role, given: string | undefined): { check: Check; missing: boolean; next?: Next } {
  const check = `${role} key` as const;
  const found = findKey(context, role, given);
  if (!found.ok) {
    return { check: failed(check, found), missing: found.error.code === "key_not_found", ...(found.next && { next: found.next }) };
  }
  const { file, key } = found.data;
  const open = role === "owner" && !isSealed(key);
  const detail = `${file}${open ? ", NOT sealed: anyone who reads it can spend" : ""}`;
  return { check: { check, verdict: open ? "note" : "good", detail }, missing: false };
}

/** Of the mock ledger or, where there is none of that, of the chain itself. */
function checkOwner(context: Context, given: string | undefined): ReturnType<typeof checkKey> {
  const owner = checkKey(context, "owner", given);
  const isDamaged = given === undefined && !owner.missing; // a file that is there is not passed over
  if (owner.check.verdict !== "bad" || isDamaged) return owner;
  const chain = findLezOwner(context, given);
  if (!chain.ok) return owner;
  const detail = `${chain.data.file}, a key of the chain itself${given === undefined ? "; none of the mock ledger" : ""}`;
  return { check: { check: "owner key", verdict: "good", detail }, missing: false };
}

/** Variables that change how every server is reached. A password in a proxy's address is not shown. */
function checkNetwork({ io: { env } }: Context): Check {
  const check = "network";
  const origin = "https://shop.example";
  const named = [new URL(origin), new URL(origin.replace("s:", ":"))].flatMap((url) => proxyNamed(url, env) ?? []);
  const proxies = named.map(({ variable, value }) => `${variable} is ${URL.canParse(value) ? new URL(value).host : "no address"}`);
  const except = env["no_proxy"] || env["NO_PROXY"];
  const file = env["SSL_CERT_FILE"];
  const route = routeFor(new URL(origin), env);
  const facts = [
    ...proxies,
    ...(named.length > 0 ? ["the proxy decides the address of a name, so `egress` judges literal addresses only"] : []),
    ...(named.length > 0 && except ? [`not for ${except}`] : []),
    ...(file ? [`SSL_CERT_FILE is ${file}`] : []),
  ];
  if (!route.ok) return failed(check, route);
  return { check, verdict: facts.length > 0 ? "note" : "good", detail: facts.join("; ") || "directly, with Node's own authorities" };
}

const healthSchema = z.looseObject({ ledger: z.string() });

async function checkFacilitator(context: Context, input: Input): Promise<Check[]> {
  const base = facilitatorUrl(context, input);
  if (!base.ok) return [failed("facilitator", base)];
  const answer = await exchange(
    context,
    { method: "GET", url: `${base.data}/health`, headers: [] },
    { timeoutSeconds: DOCTOR_TIMEOUT_SECONDS },
  );
  const fix = "`lez-agent-pay stack` starts a local one. Name another: --facilitator-url, LEZ_FACILITATOR_URL, or the configuration file.";
  if (!answer.ok) return [{ check: "facilitator", verdict: "bad", detail: `${base.data}: ${answer.problem}`, fix }];
  const health = parseJson(answer.body, MAX_FACILITATOR_BODY_BYTES, healthSchema);
  if (answer.status !== 200 || !health.ok) {
    return [
      {
        check: "facilitator",
        verdict: "bad",
        detail: `${base.data} answered ${answer.status}, and not as a facilitator of ours does`,
        fix,
      },
    ];
  }
  return [{ check: "facilitator", verdict: "good", detail: base.data }, checkLedger(context, health.value.ledger), checkClock(answer)];
}

function checkLedger(context: Context, ledger: string): Check {
  const config = context.config();
  const believed = config.ok ? config.data.ledger : undefined;
  if (believed === undefined || believed === ledger) {
    const onMock = allPayments(context).filter(({ payload }) => !isNativeNetwork(payload.accepted.network));
    const other = onMock.map(({ payload }) => otherLedger(ledger, authorizationOf(payload).ledger));
    const first = other.find((sentence) => sentence !== undefined);
    return {
      check: "ledger",
      verdict: first === undefined ? "good" : "note",
      detail: first === undefined ? ledger : `${ledger}; ${first}`,
    };
  }
  return {
    check: "ledger",
    verdict: "bad",
    detail: `${ledger}, and the configuration names ${believed}`,
    fix: "Ask the operator whether the ledger was started over. Trust the new one only if it was.",
  };
}

function checkClock({ headers }: HttpResponse): Check {
  const clocks = clocksAt(headers);
  if (!clocks) return { check: "clock", verdict: "note", detail: "the facilitator sends no date" };
  const apart = Math.abs(clocks.here - clocks.there);
  if (!areApart(clocks)) return { check: "clock", verdict: "good", detail: `within ${apart} s of the facilitator's` };
  const detail = `${clockSkewText(clocks, "the facilitator")} Payments are refused beyond ${CLOCK_SKEW_SECONDS} s.`;
  return { check: "clock", verdict: "bad", detail, fix: CLOCK_HINT };
}

/** Where the agent's key is paired, if it is. */
async function deskOf(context: Context, agentFile: string | undefined): Promise<string | undefined> {
  const agent = findKey(context, "agent", agentFile);
  const pairing = agent.ok && (await findPairing(context, agent.data.key.publicKey));
  return pairing && pairing.ok ? pairing.data?.desk : undefined;
}

/** Only where a desk is configured or paired. */
async function checkDesk(context: Context, agentFile: string | undefined): Promise<Check[]> {
  const [config, agent] = [context.config(), findKey(context, "agent", agentFile)];
  if (!config.ok || !agent.ok) return [];
  const pairing = await findPairing(context, agent.data.key.publicKey);
  if (!pairing.ok) return [failed("desk", pairing)];
  const { desk: configured } = config.data;
  if (!pairing.data) {
    if (configured === undefined) return [];
    return [{ check: "desk", verdict: "note", detail: `${configured} is configured, and this agent is not paired: lez-agent-pay pair` }];
  }
  const { desk, account, kind } = pairing.data;
  if (configured !== undefined && configured !== desk) {
    const fix = "Pair anew: lez-agent-pay unpair, then lez-agent-pay pair. Or correct the configuration.";
    return [{ check: "desk", verdict: "bad", detail: `this agent is paired at ${desk}, and the configuration names ${configured}`, fix }];
  }
  const signer = await unlockKey(agent.data.key, "agent");
  const asked = signer.ok ? await askForGranted(context, { desk, signer: signer.data }, account) : signer;
  if (asked.ok) return [{ check: "desk", verdict: "good", detail: `${desk}, for ${account}, an account ${KIND_WORDS[kind]}` }];
  const fix = "Requests wait in the inbox of this machine meanwhile. If the owner ended the pairing: lez-agent-pay unpair";
  return [{ check: "desk", verdict: "bad", detail: asked.error.message, fix: asked.error.hint ?? fix }];
}

async function checkInbox(context: Context): Promise<Check> {
  const list = await listPurchases(context);
  if (!list.ok) return failed("inbox", list);
  const { requests, unreadable, nextCursor } = list.data;
  const [first] = unreadable;
  const beyond = nextCursor === undefined ? "" : ", and more";
  if (first === undefined) return { check: "inbox", verdict: "good", detail: `${counted(requests.length, "request")}${beyond}` };
  const more = unreadable.length > 1 ? ` And ${unreadable.length - 1} more: lez-agent-pay inbox --all` : "";
  return {
    check: "inbox",
    verdict: "bad",
    detail: `${first}${more}`,
    fix: "Look at the file. Remove it, or let the agent make the request again.",
  };
}

function checkLog(context: Context): Check {
  const log = readAudit(context);
  if (!log.ok) return failed("audit log", log);
  const { entries, problems } = log.data;
  const [first] = problems;
  if (!first)
    return { check: "audit log", verdict: "good", detail: `${counted(entries.length, "entry", "entries")}, and the chain is intact` };
  const continued = checkAudit(context);
  return {
    check: "audit log",
    verdict: "bad",
    detail: `line ${first.line} ${first.problem}${continued.ok ? "" : "; nothing can be added, so nothing is asked, decided or paid"}`,
    fix: "lez-agent-pay audit verify shows the damage. The owner begins another log with lez-agent-pay audit restart.",
  };
}
