/** What an operator has to have decided before buyers come: read from the Workers' vars. */

import { DEMO_MERCHANT_ACCOUNT, DEMO_MERCHANT_LEZ_ACCOUNT } from "../shared/demo.ts";
import { parseShards } from "../shared/ledger/shards.ts";
import { NATIVE_NETWORKS } from "../shared/lez.ts";
import { MAX_CALLS_PER_PERIOD, MAX_CANCELLATIONS_PER_PERIOD, MAX_SALES_PER_PERIOD } from "../shared/limits.ts";
import { isAccountId } from "../shared/protocol/account.ts";
import { isLezAccountId } from "../shared/zone/account.ts";

/** All of them are text. */
export type Vars = Readonly<Record<string, string>>;

export interface Deployment {
  merchant: Vars;
  facilitator: Vars;
  ledger: Vars;
  /** The names of the Durable Objects that each is bound to. */
  objects: { merchant: readonly string[]; facilitator: readonly string[] };
}

/** The vars that `--var NAME:VALUE …` gives a Worker, as wrangler reads them: several after one flag, and the last one counts. */
export function varsGiven(args: readonly string[]): Vars {
  const given: Record<string, string> = {};
  let isVar = false;
  for (const word of args.flatMap((word) => (word.startsWith("--var=") ? ["--var", word.slice("--var=".length)] : [word]))) {
    if (word.startsWith("-")) isVar = word === "--var";
    else if (isVar) given[word.split(":", 1)[0] ?? ""] = word.slice(word.indexOf(":") + 1);
  }
  return given;
}

/** Why this must not be deployed; undefined if it may. The key of the demo merchant is published: anyone can spend its money. */
export function refusalOf({ merchant: { PAY_TO, PAY_TO_LEZ } }: Deployment, demo: boolean): string | undefined {
  if (!isAccountId(PAY_TO)) return `PAY_TO is no account: ${JSON.stringify(PAY_TO)}`;
  if (PAY_TO_LEZ && !isLezAccountId(PAY_TO_LEZ)) return `PAY_TO_LEZ is no account: ${JSON.stringify(PAY_TO_LEZ)}`;
  if (PAY_TO_LEZ === PAY_TO)
    return "PAY_TO_LEZ is PAY_TO: no key of LEZ can spend what such an account receives. Set the account of a LEZ key";
  const published = [PAY_TO === DEMO_MERCHANT_ACCOUNT && "PAY_TO", PAY_TO_LEZ === DEMO_MERCHANT_LEZ_ACCOUNT && "PAY_TO_LEZ"].find(
    (name) => name !== false,
  );
  if (published === undefined || demo) return undefined;
  return `${published} is the demo merchant, whose key is published: anyone can spend what it earns. Set your own account in wrangler.toml, or add --demo`;
}

/** One line for each thing to decide. `!` begins a line that asks for something. */
export function checklistOf({ merchant, facilitator, ledger, objects }: Deployment): string[] {
  const { PAY_TO, PAY_TO_LEZ, PUBLIC_ORIGIN, FACILITATOR_URL } = merchant;
  const faucets = [facilitator["FAUCET"], ledger["FAUCET"]];
  const shards = [facilitator["SHARDS"], ledger["SHARDS"]].map((setting) => parseShards(setting));
  return [
    line(PAY_TO !== DEMO_MERCHANT_ACCOUNT, `PAY_TO: ${PAY_TO}`, "the demo merchant's, whose key is published"),
    ...(PAY_TO_LEZ
      ? [line(PAY_TO_LEZ !== DEMO_MERCHANT_LEZ_ACCOUNT, `PAY_TO_LEZ: ${PAY_TO_LEZ}`, "the demo merchant's, whose key is published")]
      : []),
    line(true, PUBLIC_ORIGIN ? `PUBLIC_ORIGIN: ${PUBLIC_ORIGIN}` : "PUBLIC_ORIGIN: each request's own; set it if buyers see another one"),
    line(true, FACILITATOR_URL ? `FACILITATOR_URL: ${FACILITATOR_URL}` : "FACILITATOR_URL: none; the merchant is bound to lez-facilitator"),
    line(faucets[0] === faucets[1], `FAUCET: facilitator ${faucets[0]}, ledger ${faucets[1]}`, "both must be on, or both off"),
    ...(faucets.includes("on") ? [line(false, "FAUCET: on", "every caller takes test money")] : []),
    booksLine(facilitator["BOOKS"]),
    discoveryLine(facilitator["DISCOVERY"], objects.facilitator.includes("CATALOGUE")),
    webhookLine(merchant, objects.merchant.includes("WEBHOOKS")),
    line(shards[0] === shards[1], `SHARDS: facilitator ${shards[0]}, ledger ${shards[1]}`, "nothing is settled while they differ"),
    "  secrets, set with `npx wrangler secret put NAME -c FILE`, each optional:",
    "    RECEIPT_KEY (wrangler.toml): signs offers, receipts, and the claims of sessions; without it none is offered",
    "    RECEIPT_KEY_BEFORE (wrangler.toml): the one of before, until the last session that names its key has ended",
    "    REFUND_MANDATE (wrangler.toml): the file of `refund grant`; without it what must go back is listed by `sales owed`",
    "    FACILITATOR_KEY (wrangler.toml): the merchant's bearer key for FACILITATOR_URL",
    "    WEBHOOK_SECRET (wrangler.toml): signs what WEBHOOK_URL is told; needed beside it",
    "    OPERATOR_KEY_SHA256 (wrangler.toml): the shop's own key, for `webhooks list`, `webhooks retry` and the record of sales",
    "    SELLER_KEY (wrangler.toml): the password of the seller's page at /seller; without it there is none",
    "    SELLER_ACCESS (wrangler.toml): the file of `books grant --new-key`; without it that page checks nothing where books are keyed",
    "    FACILITATOR_KEYS (workers/facilitator): who may settle over HTTP; without it every caller may",
    "    OPERATOR_KEY_SHA256 (workers/facilitator and workers/ledger-do): audit, checkpoints, the clock, every account's books",
    "    CHECKPOINT_KEY (workers/ledger-do): signs checkpoints; without it journals are kept whole",
    `  limits: ${MAX_CALLS_PER_PERIOD} calls in 10 s per caller, ${MAX_CANCELLATIONS_PER_PERIOD} cancellations a minute, ` +
      `${MAX_SALES_PER_PERIOD} sales in 10 s per seller (workers/facilitator/wrangler.toml)`,
  ];
}

/** Absent is keyed. A word that the facilitator does not know closes the books to every caller. */
function booksLine(books = "keyed"): string {
  if (books === "keyed") return line(true, "BOOKS: keyed; an account's books are for its owner and the operator");
  const problem =
    books === "public" ? "every caller reads every balance and journal" : "must be keyed or public; until then no caller reads them";
  return line(false, `BOOKS: ${books}`, problem);
}

/** Absent is public. The facilitator takes any other word but `local` for public, too. */
function discoveryLine(discovery = "public", hasCatalogue: boolean): string {
  if (!hasCatalogue) return line(true, "DISCOVERY: no binding CATALOGUE in workers/facilitator/wrangler.toml; no route is listed");
  const what = `DISCOVERY: ${discovery}`;
  if (discovery === "public") return line(true, `${what}; routes of sellers that opted in are listed: GET /discovery/resources`);
  return line(
    false,
    what,
    discovery === "local" ? "routes at addresses that buyers cannot reach are listed" : "must be public or local; counts as public",
  );
}

/** Without an address no messages are queued. */
function webhookLine({ WEBHOOK_URL, WEBHOOK_LOOPBACK }: Vars, hasQueue: boolean): string {
  if (!WEBHOOK_URL) return line(true, "WEBHOOK_URL: none; no server of yours is told of sales");
  const what = `WEBHOOK_URL: ${WEBHOOK_URL}`;
  if (!hasQueue) return line(false, what, "needs the binding WEBHOOKS in wrangler.toml");
  if (WEBHOOK_LOOPBACK === "on") return line(false, what, "WEBHOOK_LOOPBACK is on, which is for tests on one machine");
  return line(true, `${what}; what it has not taken: lez-agent-pay webhooks list`);
}

/** Why this desk must not be deployed; undefined if it may. A passkey belongs to one host, and the desk is only at one origin. */
export function deskRefusalOf({ DESK_ORIGIN }: Vars): string | undefined {
  const isOrigin =
    !DESK_ORIGIN || (/^https:\/\/[^/]+$/.test(DESK_ORIGIN) && URL.canParse(DESK_ORIGIN) && new URL(DESK_ORIGIN).origin === DESK_ORIGIN);
  return isOrigin ? undefined : `DESK_ORIGIN is not https:// and a host, without a path: ${JSON.stringify(DESK_ORIGIN)}`;
}

/**
 * The same for an owner's desk.
 * @param bound whether the desk is bound to the Worker lez-facilitator
 */
export function deskChecklistOf(vars: Vars, bound: boolean): string[] {
  const { DESK_ORIGIN, FACILITATOR_URL, FAUCET = "off", DESK_EGRESS, PUSH_TEST_HOST } = vars;
  return [
    line(
      true,
      DESK_ORIGIN
        ? `DESK_ORIGIN: ${DESK_ORIGIN}; passkeys made there work there alone`
        : "DESK_ORIGIN: each request's own; passkeys work at that host alone, so take a name that you keep",
    ),
    deskFacilitatorLine(FACILITATOR_URL, bound),
    line(FAUCET !== "on", `FAUCET: ${FAUCET}`, "passkeys of http://localhost count, which any program of the owner's machine may ask for"),
    ...(DESK_EGRESS ? [line(false, `DESK_EGRESS: ${DESK_EGRESS}`, "for tests on one machine")] : []),
    ...(PUSH_TEST_HOST ? [line(false, `PUSH_TEST_HOST: ${PUSH_TEST_HOST}`, "for tests on one machine")] : []),
    "  secret, optional, set with `npx wrangler secret put PUSH_KEY -c workers/desk/wrangler.toml`:",
    "    PUSH_KEY: signs what push services are sent; without it owners are told by webhook only",
  ];
}

/** One line for each thing to decide of a devnet. Its money is worth nothing, and its operator pays for its blocks. */
export function devnetChecklistOf({ FAUCET = "off", BLOCK_MILLIS = "" }: Vars): string[] {
  const daily = Math.round(86_400_000 / Number(BLOCK_MILLIS));
  return [
    line(FAUCET !== "on", `FAUCET: ${FAUCET}`, "every caller takes test money"),
    line(Number.isFinite(daily), `BLOCK_MILLIS: ${BLOCK_MILLIS}; ${daily} blocks a day, each kept`, "it must be a number of milliseconds"),
    "  secrets, set with `npx wrangler secret put NAME -c workers/lez-devnet/wrangler.toml`, each optional:",
    "    DEVNET_CONTROL: the SHA-256 of the key of /control/; without it blocks are made by the clock alone",
    "    PRODUCER_KEY: signs blocks; without it a published key does",
  ];
}

/** The same for the Worker that settles on the chain itself. Without a sequencer it offers nothing, and harms nothing. */
export function nativeChecklistOf(vars: Vars): string[] {
  const { NATIVE_NETWORK = "", SEQUENCER_URL, SEQUENCER_LEDGER = "", SEQUENCER_CHANNEL, NATIVE_MAX_FEE } = vars;
  if (!SEQUENCER_URL) return [line(true, "SEQUENCER_URL: none; nothing is settled on the chain itself")];
  const isPlain = SEQUENCER_URL.startsWith("http:");
  return [
    line(
      NATIVE_NETWORKS.some((one) => one === NATIVE_NETWORK),
      `NATIVE_NETWORK: ${NATIVE_NETWORK}`,
      "must be lez:testnet or lez:devnet",
    ),
    line(!isPlain, `SEQUENCER_URL: ${SEQUENCER_URL}`, "not https: who is between can tell lies of the chain"),
    line(/^[0-9a-f]{64}$/.test(SEQUENCER_LEDGER), `SEQUENCER_LEDGER: ${SEQUENCER_LEDGER}`, "must be the hash of block 1, 64 hex digits"),
    line(
      true,
      SEQUENCER_CHANNEL ? `SEQUENCER_CHANNEL: ${SEQUENCER_CHANNEL}` : "SEQUENCER_CHANNEL: none; the channel below is not compared",
    ),
    line(true, `NATIVE_MAX_FEE: ${NATIVE_MAX_FEE || "1000000"} lepta`),
    "  write them into workers/native/wrangler.toml: the next deployment takes what stands there",
    "  GET /supported at the facilitator names the network once the sequencer has answered as it should",
  ];
}

function deskFacilitatorLine(url: string | undefined, bound: boolean): string {
  if (!url) return line(bound, "FACILITATOR_URL: none; the desk is bound to lez-facilitator", "and bound to none: no balance is shown");
  return line(
    !bound,
    `FACILITATOR_URL: ${url}`,
    "remove the binding FACILITATOR from workers/desk/wrangler.toml, which needs lez-facilitator",
  );
}

function line(fine: boolean, what: string, problem = ""): string {
  return fine ? `  ${what}` : `! ${what}: ${problem}`;
}

/**
 * The origins at which a Worker was deployed, from the file that wrangler writes (WRANGLER_OUTPUT_FILE_PATH): one JSON object a line.
 * Its targets may be routes or schedules, too, which are no origins.
 */
export function originsIn(output: string): string[] {
  const entries = output.split("\n").filter(Boolean);
  return entries.flatMap((line) => {
    const { type, targets = [] } = JSON.parse(line) as { type?: string; targets?: string[] };
    return type === "deploy" ? targets.filter((target) => URL.canParse(target) && target === new URL(target).origin) : [];
  });
}
