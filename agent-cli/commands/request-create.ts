/** `request create`: signs what the agent wants to buy, and why, for its owner to read. */

import * as path from "node:path";
import * as z from "zod";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { ASSET, NETWORK, SCHEME } from "../../shared/lez.ts";
import { DEFAULT_TIMEOUT_SECONDS, MAX_NAME_LENGTH, MAX_REQUEST_LIFE_SECONDS } from "../../shared/limits.ts";
import { type AccountId, parseAccountId } from "../../shared/protocol/account.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import { reasonSchema } from "../../shared/protocol/reason.ts";
import { coverageText } from "../../shared/screen/coverage.ts";
import { humanText } from "../../shared/text/text.ts";
import { unixNow } from "../../shared/time.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField, amountField, dryRunField, nameField, retiredForceField, secondsField, textField } from "../command-line/fields.ts";
import { type MoneyInput, networkField } from "../merchant/choose-money.ts";
import { allowHttpField, boundRequest, curlFields, httpRequest } from "../merchant/curl-request.ts";
import { identify, merchantSchema, merchantText, rememberMerchant } from "../merchant/merchant-identity.ts";
import { refuseUnsafe, requireTerms } from "../merchant/terms.ts";
import { askAtDesk } from "../purchase/ask-desk.ts";
import { type CreatedRequest, createRequest, fileRequest, openAgent, type RequestInput } from "../purchase/create-request.ts";
import { checkOut } from "../purchase/paid-report.ts";
import { pairedDesk } from "../purchase/paired-desk.ts";
import { type AtDesk, atDesk, decideBy, deskSchema } from "../purchase/purchase.ts";
import { termsFile } from "../purchase/request-subject.ts";
import { askedAt } from "../records/desk-asks.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { expiry, expirySchema, expiryText } from "../runtime/expiry.ts";
import { jsonText } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { DEFAULT_REQUEST_LIFE_SECONDS } from "../runtime/limits.ts";
import { moneySchema, price } from "../runtime/money.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

/** Names that `--pay-to` takes in place of an account. */
const ALIASES: Readonly<Record<string, AccountId>> = { merchant_demo_account: DEMO_MERCHANT_ACCOUNT };

const input = z.strictObject({
  url: z.string().optional().meta({ positional: true, description: "the resource; its own 402 says what it costs" }),
  reason: textField(reasonSchema).meta({ description: "why, for the owner: at least 32 visible characters" }),
  merchantName: textField(humanText(MAX_NAME_LENGTH)).optional().meta({ value: "name", description: "who is paid; else the host" }),
  merchantUrl: z.string().optional().meta({ value: "url", description: "the resource, in place of <url>" }),
  payTo: z.string().optional().meta({ value: "account", description: "expected payee: an account or merchant_demo_account" }),
  amount: amountField.optional().meta({ value: "amount", description: "expected price: 1.5LGO, or atomic units" }),
  asset: z.string().optional().meta({ description: "expected asset: native" }),
  ...networkField,
  ...curlFields,
  agentFile: agentFileField,
  out: nameField.optional().meta({ value: "file", local: true, description: "file for the request; else request-<short code>.json" }),
  inbox: z.boolean().default(false).meta({ local: true, description: "write no file: the owner finds the request in the inbox" }),
  offline: z.boolean().default(false).meta({ description: "do not ask the merchant; take the terms from the flags" }),
  expiresIn: secondsField
    .max(MAX_REQUEST_LIFE_SECONDS, `must be at most ${MAX_REQUEST_LIFE_SECONDS}`)
    .default(DEFAULT_REQUEST_LIFE_SECONDS)
    .meta({ value: "seconds", description: "the owner's time to decide; 3600" }),
  ...allowHttpField,
  ...dryRunField,
  ...retiredForceField,
});
type Input = z.output<typeof input>;

export const requestCreate = defineCommand({
  name: "request create",
  audience: "agent",
  // Destructive: the agent chooses the method, and a DELETE that costs nothing deletes.
  tool: { title: "Ask the owner to pay", destructive: true, openWorld: true },
  summary: "ask the owner to pay for one HTTP request",
  description:
    "Asks the URL for its terms. Flags that contradict them are refused: the owner is asked for nothing that the merchant does not offer.",
  input,
  output: z.strictObject({
    /** Nothing was written. */
    dryRun: z.literal(true).optional(),
    file: z.string().optional(),
    /** The merchant's 402, beside it. Take both to an owner on another machine. */
    termsFile: z.string().optional(),
    id: z.string(),
    requestDigest: z.string(),
    /** The same eight characters appear on the owner's screen. */
    shortCode: z.string(),
    method: z.string(),
    url: z.string(),
    price: moneySchema,
    payTo: z.string(),
    covers: z.string(),
    /** Whose terms these are: asked of the merchant, or taken from the flags. */
    termsFrom: z.enum(["merchant", "flags"]),
    /** The merchant's identity; absent if it was not asked. */
    merchant: merchantSchema.optional(),
    /** The owner's hosted desk, if this agent is paired with one. */
    desk: deskSchema.optional(),
    ...expirySchema,
  }),
  examples: [
    {
      says: "terms from the URL's own 402",
      argv: 'request create https://api.example.com/premium --reason "The comparison you asked for needs this report."',
    },
    {
      says: "with expectations that the merchant must meet",
      argv: 'request create --merchant-name "Example" --merchant-url https://api.example.com/premium --pay-to merchant_demo_account --amount 10000 --asset native --reason "The comparison you asked for needs this report." --agent-file agent.json --out request.json',
    },
  ],
  async run(context, input) {
    const http = await requestedHttp(context, input);
    if (!http.ok) return http;
    const expected = expectations(input);
    if (!expected.ok) return expected;
    for (const out of input.out === undefined ? [] : [input.out, termsFile(input.out)]) {
      const writable = checkOut(context, { out });
      if (!writable.ok) return writable;
    }
    const unsafe = input.dryRun && !input.offline ? refuseUnsafe(http.data, "A dry run") : undefined;
    if (unsafe) return unsafe;
    const agent = await openAgent(context, input.agentFile);
    if (!agent.ok) return agent;
    const terms = input.offline ? offlineTerms(http.data, expected.data) : await merchantTerms(context, http.data, expected.data, input);
    if (!terms.ok) return terms;
    const { offer, required } = terms.data;
    const made = await createRequest(context, agent.data, { ...input, http: http.data, ...terms.data });
    if (!made.ok) return made;
    // Identified after the request is made, so that a new pin is not older than the request.
    const merchant = required ? await identify(context, http.data.url, { required, offer }) : undefined;
    if (merchant && !merchant.ok) return merchant;
    const { request, shortCode: code } = made.data;
    const file = input.inbox ? undefined : (input.out ?? `request-${code}.json`);
    const pinned = merchant && !input.dryRun ? await rememberMerchant(context, merchant.data) : succeed(undefined);
    if (!pinned.ok) return pinned;
    const filed = input.dryRun ? succeed(undefined) : await write(context, made.data, http.data, file);
    if (!filed.ok) return filed;
    const desk = input.dryRun ? succeed(undefined) : await sent(context, made.data, input.agentFile);
    if (!desk.ok) return desk;
    const { method, url } = http.data;
    return succeed(
      {
        ...(input.dryRun && { dryRun: true as const }),
        ...(file !== undefined && { file, ...(required && { termsFile: termsFile(file) }) }),
        id: request.id,
        requestDigest: made.data.digest,
        shortCode: code,
        method,
        url,
        price: price(offer),
        payTo: offer.payTo,
        covers: coverageText(made.data.scope, request.http),
        termsFrom: input.offline ? ("flags" as const) : ("merchant" as const),
        ...(merchant && { merchant: merchant.data.view }),
        ...(desk.data && { desk: desk.data }),
        ...expiry(decideBy(request), unixNow()),
      },
      input.dryRun ? undefined : { argv: decideArgv(code, file), by: "owner", why: `read and decide request ${code}` },
    );
  },
  render: (data, layout) => [
    layout.ink(
      "green",
      `Request ${data.shortCode} ${data.dryRun ? "would be made; nothing was written" : `written to ${data.file ?? "the inbox"}`}`,
    ),
    ...(data.termsFile ? field(layout, "with", `${data.termsFile}, the merchant's own terms`) : []),
    ...field(layout, "price", `${data.price.display} = ${data.price.amount} units`),
    ...field(layout, "pay to", data.payTo),
    ...field(layout, "for", `${data.method} ${data.url}`),
    ...field(layout, "pays for", data.covers),
    ...field(layout, "terms", data.termsFrom === "merchant" ? "the merchant's own" : "from the flags; the merchant was not asked"),
    ...(data.merchant ? field(layout, "merchant", merchantText(data.merchant)) : []),
    ...(data.desk
      ? field(layout, "desk", data.desk.sentAt === undefined ? `${data.desk.origin}, which has not taken it` : data.desk.origin)
      : []),
    ...field(layout, "decide by", expiryText(data)),
  ],
});

/** Sends it to the desk that the agent is paired with. Without its answer the request waits in the inbox, and is sent when it is waited for. */
async function sent(
  context: Context,
  { digest, request, required }: CreatedRequest,
  agentFile: string | undefined,
): Promise<Outcome<AtDesk | undefined>> {
  const desk = await pairedDesk(context, request.agent.publicKey, agentFile);
  if (!desk) return succeed(undefined);
  const { at } = await askAtDesk(context, desk, { digest, request, ...(required && { terms: required }) });
  const asked = askedAt(context, digest);
  return asked.ok ? succeed({ ...at, ...(asked.data && atDesk(asked.data)) }) : asked;
}

/** Writes --out first: it fails more often than the agent's own state directory. */
async function write(context: Context, made: CreatedRequest, http: HttpRequest, file: string | undefined): Promise<Outcome<undefined>> {
  const { request, required } = made;
  const terms = file === undefined || !required ? succeed(undefined) : context.files.writeNew(termsFile(file), jsonText(required));
  if (!terms.ok) return terms;
  const written = file === undefined ? succeed(undefined) : context.files.writeNew(file, jsonText(request));
  return written.ok ? fileRequest(context, made, http) : written;
}

/** Names no key: the agent does not know where the owner keeps one. */
function decideArgv(code: string, file: string | undefined): string[] {
  if (file === undefined) return ["lez-agent-pay", "approve", code];
  const payment = path.join(path.dirname(file), `payment-${code}.json`);
  return ["lez-agent-pay", "owner", "approve", "--request-file", file, "--out", payment];
}

async function requestedHttp(context: Context, input: Input): Promise<Outcome<HttpRequest>> {
  if (input.url !== undefined && input.merchantUrl !== undefined) return fail("usage", "Give the URL once: as <url> or as --merchant-url.");
  const url = input.url ?? input.merchantUrl;
  if (url === undefined) return fail("usage", "Which URL? Give <url>, or --merchant-url.");
  return httpRequest(context, { ...input, url });
}

interface Expectations {
  amount?: string;
  asset?: string;
  payTo?: string;
}

function expectations({ amount, asset, payTo }: Input): Outcome<Expectations> {
  const account = payTo === undefined ? undefined : parseAccountId(ALIASES[payTo] ?? payTo);
  if (account && !account.ok)
    return fail("usage", `--pay-to: ${account.problem}.`, { hint: `Aliases: ${Object.keys(ALIASES).join(", ")}` });
  return succeed({ ...(amount && { amount }), ...(asset && { asset }), ...(account && { payTo: account.account }) });
}

interface Difference {
  flag: string;
  asked: string;
  offered: string;
}

type ChosenTerms = Pick<RequestInput, "offer" | "required">;

/** The merchant's offer that meets the expectations; if none does, the differences of the closest. */
async function merchantTerms(
  context: Context,
  request: HttpRequest,
  expected: Expectations,
  money: MoneyInput,
): Promise<Outcome<ChosenTerms>> {
  const terms = await requireTerms(context, request, money);
  if (!terms.ok) {
    const offline = terms.error.code === "network" && expected.amount && expected.payTo;
    return offline ? { ...terms, error: { ...terms.error, hint: "Try again, or add --offline to take the terms from the flags." } } : terms;
  }
  const compared = terms.data.offers.map((offer) => ({ offer, differences: differences(expected, offer) }));
  const closest = compared.reduce((best, next) => (next.differences.length < best.differences.length ? next : best));
  if (closest.differences.length === 0) return succeed({ offer: closest.offer, required: terms.data.required });
  const said = closest.differences.map(({ flag, asked, offered }) => `${flag} is ${asked}, the merchant says ${offered}`);
  return fail("terms_differ", `The flags contradict the merchant's terms: ${said.join("; ")}.`, {
    hint: "The owner was not asked. Leave the flags out to take the merchant's terms, or do not buy.",
    details: { differences: closest.differences },
  });
}

function differences(expected: Expectations, offer: PaymentRequirements): Difference[] {
  const pairs: [string, string | undefined, string][] = [
    ["--amount", expected.amount, offer.amount],
    ["--asset", expected.asset, offer.asset],
    ["--pay-to", expected.payTo, offer.payTo],
  ];
  return pairs.flatMap(([flag, asked, offered]) => (asked === undefined || asked === offered ? [] : [{ flag, asked, offered }]));
}

/** The offer that a merchant of this system would make for these flags. It names no ledger: only the merchant knows it. */
function offlineTerms(request: HttpRequest, { amount, payTo, asset = ASSET }: Expectations): Outcome<ChosenTerms> {
  if (!amount || !payTo) return fail("usage", "--offline takes the terms from the flags: --amount and --pay-to are required.");
  if (asset !== ASSET) return fail("unsupported", `The asset here is "${ASSET}".`);
  const terms = { network: NETWORK, asset, amount, payTo };
  const extra = { binding: bindingOf(boundRequest(request), terms) };
  return succeed({ offer: { scheme: SCHEME, ...terms, maxTimeoutSeconds: DEFAULT_TIMEOUT_SECONDS, extra } });
}
