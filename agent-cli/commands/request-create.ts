/** `request create`: what the agent wants to buy, and why, signed by the agent and ready for its owner to read. */
import * as z from "zod";
import { type AccountId, parseAccountId } from "../../shared/account.ts";
import { bindingOf } from "../../shared/binding.ts";
import { bytesToHex, randomBytes } from "../../shared/bytes.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { ASSET, NETWORK, SCHEME } from "../../shared/lez.ts";
import { DEFAULT_REQUEST_LIFE_SECONDS, DEFAULT_TIMEOUT_SECONDS, MAX_NAME_LENGTH, MAX_REQUEST_LIFE_SECONDS } from "../../shared/limits.ts";
import { checkPaymentRequest, paymentFields, type PaymentRequest, shortCode, signPaymentRequest } from "../../shared/payment-request.ts";
import { humanText, reasonSchema } from "../../shared/text.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentRequirements } from "../../shared/x402.ts";
import { defineCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { agentFileField, amountField, forceField, outField, secondsField, textField } from "../fields.ts";
import { checkWritable, writeJson } from "../files.ts";
import type { HttpRequest } from "../http.ts";
import { allowHttpField, boundRequest, curlFields, httpRequest } from "../http-request.ts";
import { readKeyFile, unlockKey } from "../keystore.ts";
import { field } from "../layout.ts";
import { fail, type Outcome, succeed } from "../outcome.ts";
import { storeRequest } from "../request-store.ts";
import { requestRefused } from "../refusals.ts";
import { coverage, requireTerms } from "../terms.ts";
import { coverageText, expiry, expirySchema, expiryText, money, moneySchema } from "../views.ts";

/** Names that `--pay-to` takes in place of an account. */
const ALIASES: Readonly<Record<string, AccountId>> = { merchant_demo_account: DEMO_MERCHANT_ACCOUNT };

const input = z.strictObject({
  url: z.string().optional().meta({ positional: true, description: "the resource; its own 402 says what it costs" }),
  reason: textField(reasonSchema).meta({ description: "why, for the owner: at least 32 visible characters" }),
  merchantName: textField(humanText(MAX_NAME_LENGTH)).optional().meta({ value: "name", description: "who is paid; else the host" }),
  merchantUrl: z.string().optional().meta({ value: "url", description: "the resource, in place of <url>" }),
  payTo: z.string().optional().meta({ value: "account", description: "expected payee: an account or merchant_demo_account" }),
  amount: amountField.optional().meta({ value: "units", description: "expected price in atomic units (1 LGO = 1000000000)" }),
  asset: z.string().optional().meta({ description: "expected asset: native" }),
  ...curlFields,
  agentFile: agentFileField,
  out: outField.optional().meta({ description: "where the request goes; else request-<short code>.json" }),
  offline: z.boolean().default(false).meta({ description: "do not ask the merchant; take the terms from the flags" }),
  expiresIn: secondsField
    .max(MAX_REQUEST_LIFE_SECONDS, `must be at most ${MAX_REQUEST_LIFE_SECONDS}`)
    .default(DEFAULT_REQUEST_LIFE_SECONDS)
    .meta({ value: "seconds", description: "how long the owner has; 3600" }),
  ...allowHttpField,
  ...forceField,
});
type Input = z.output<typeof input>;

export const requestCreate = defineCommand({
  name: "request create",
  audience: "agent",
  summary: "ask the owner to pay for one HTTP request",
  description:
    "Asks the URL for its terms. Flags that contradict them are refused: nothing is asked of the owner that the merchant does not offer.",
  input,
  output: z.strictObject({
    file: z.string(),
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
    const http = requestedHttp(input);
    if (!http.ok) return http;
    const expected = expectations(input);
    if (!expected.ok) return expected;
    const writable = input.out === undefined ? undefined : checkWritable(input.out, input.force);
    if (writable && !writable.ok) return writable;
    const key = readKeyFile(input.agentFile, "agent");
    if (!key.ok) return key;
    const agent = await unlockKey(key.data, "agent");
    if (!agent.ok) return agent;
    const offer = input.offline ? offlineOffer(http.data, expected.data) : await merchantOffer(context, http.data, expected.data);
    if (!offer.ok) return offer;
    const scope = coverage(http.data, offer.data);
    if (!scope.ok) return scope;

    const { method, url } = http.data;
    const now = unixNow();
    const request = await signPaymentRequest(
      {
        version: "1",
        id: `pr_${bytesToHex(randomBytes(10))}`,
        createdAt: formatTimestamp(now),
        expiresAt: formatTimestamp(now + input.expiresIn),
        agent: { publicKey: key.data.publicKey, ...(key.data.name && { name: key.data.name }) },
        merchant: { name: input.merchantName ?? new URL(url).host, url },
        http: boundRequest(http.data),
        payment: paymentFields(offer.data) as PaymentRequest["payment"],
        reason: input.reason,
      },
      agent.data,
    );
    // The owner's tool will check exactly this; better to hear it now.
    const checked = await checkPaymentRequest(request, now);
    if (!checked.ok) return requestRefused(checked);
    const code = shortCode(checked.digest);
    const file = input.out ?? `request-${code}.json`;
    const written = writeJson(file, request, input.force);
    if (!written.ok) return written;
    const stored = storeRequest(context, request, http.data);
    if (!stored.ok) return stored;
    return succeed(
      {
        file,
        id: request.id,
        requestDigest: checked.digest,
        shortCode: code,
        method,
        url,
        price: money(offer.data.amount, offer.data.asset),
        payTo: offer.data.payTo,
        covers: coverageText(scope.data, request.http),
        termsFrom: input.offline ? ("flags" as const) : ("merchant" as const),
        ...expiry(now + input.expiresIn, now),
      },
      {
        argv: ["lez-agent-pay", "owner", "approve", "--request-file", file, "--owner-file", "owner.json", "--out", "payment-payload.json"],
        by: "owner",
        why: `read and decide request ${code}`,
      },
    );
  },
  render: (data, layout) => [
    layout.ink("green", `Request ${data.shortCode} written to ${data.file}`),
    ...field(layout, "price", `${data.price.display} = ${data.price.amount} units`),
    ...field(layout, "pay to", data.payTo),
    ...field(layout, "for", `${data.method} ${data.url}`),
    ...field(layout, "pays for", data.covers),
    ...field(layout, "terms", data.termsFrom === "merchant" ? "the merchant's own" : "from the flags; the merchant was not asked"),
    ...field(layout, "decide by", expiryText(data)),
  ],
});

function requestedHttp(input: Input): Outcome<HttpRequest> {
  if (input.url !== undefined && input.merchantUrl !== undefined) return fail("usage", "Give the URL once: as <url> or as --merchant-url.");
  const url = input.url ?? input.merchantUrl;
  if (url === undefined) return fail("usage", "Which URL? Give <url>, or --merchant-url.");
  return httpRequest({ ...input, url });
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

/** The merchant's offer that fits the expectations; the closest one's differences where none does. */
async function merchantOffer(context: Context, request: HttpRequest, expected: Expectations): Promise<Outcome<PaymentRequirements>> {
  const terms = await requireTerms(context, request);
  if (!terms.ok) {
    const offline = terms.error.code === "network" && expected.amount && expected.payTo;
    return offline ? { ...terms, error: { ...terms.error, hint: "Try again, or add --offline to take the terms from the flags." } } : terms;
  }
  const compared = terms.data.offers.map((offer) => ({ offer, differences: differences(expected, offer) }));
  const closest = compared.reduce((best, next) => (next.differences.length < best.differences.length ? next : best));
  if (closest.differences.length === 0) return succeed(closest.offer);
  const said = closest.differences.map(({ flag, asked, offered }) => `${flag} is ${asked}, the merchant says ${offered}`);
  return fail("terms_differ", `The flags contradict the merchant's terms: ${said.join("; ")}.`, {
    hint: "Nothing was asked of the owner. Take the merchant's terms by leaving the flags out, or do not buy.",
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

/** The offer that a merchant of this system would make for these flags. It names no ledger: that is the merchant's to say. */
function offlineOffer(request: HttpRequest, { amount, payTo, asset = ASSET }: Expectations): Outcome<PaymentRequirements> {
  if (!amount || !payTo) return fail("usage", "--offline takes the terms from the flags: --amount and --pay-to are required.");
  if (asset !== ASSET) return fail("unsupported", `The asset here is "${ASSET}".`);
  const terms = { network: NETWORK, asset, amount, payTo };
  const extra = { binding: bindingOf(boundRequest(request), terms) };
  return succeed({ scheme: SCHEME, ...terms, maxTimeoutSeconds: DEFAULT_TIMEOUT_SECONDS, extra });
}
