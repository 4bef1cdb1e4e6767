/** The arguments that the commands about sales share, and the books that they open. */

import * as z from "zod";
import type { AccountId } from "../../shared/protocol/account.ts";
import { parseTimestamp, unixNow } from "../../shared/time.ts";
import { chainAt, type ChainSource } from "../facilitator/account-chain.ts";
import { facilitatorFields, facilitatorUrl } from "../facilitator/client.ts";
import { withOpenBooks } from "../facilitator/open-books.ts";
import { accountFields, accountOf } from "../keys/account-input.ts";
import { operatorKeyField, withOperatorKey } from "../keys/operator-key.ts";
import { findOwner } from "../keys/owner-key.ts";
import { safeUrl } from "../merchant/curl-request.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { NO_RECORDS, recordsAt, type SaleRecords } from "./records.ts";
import { type Books, readBooks, type Sale } from "./sales.ts";

const MOMENT = "must be a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z";
const SECONDS_A_DAY = 86_400;

/** @param end a day counts to its last second */
function momentField(end: boolean) {
  return z
    .string()
    .refine((text) => secondOf(text, end) !== undefined, MOMENT)
    .transform((text) => secondOf(text, end) ?? 0);
}

function secondOf(text: string, end: boolean): number | undefined {
  const day = parseTimestamp(`${text}T00:00:00Z`);
  return day === undefined ? parseTimestamp(text) : day + (end ? SECONDS_A_DAY - 1 : 0);
}

export const merchantFields = {
  merchantUrl: z
    .string()
    .optional()
    .meta({ value: "url", local: true, description: "the seller's merchant, which records routes; else the configured one" }),
};
type MerchantInput = z.output<z.ZodObject<typeof merchantFields>> & { allowHttp: boolean };

export const booksFields = {
  ...merchantFields,
  merchantKeyFile: z
    .string()
    .optional()
    .meta({ value: "file", local: true, description: "read the merchant's own operator key from this file (mode 0600); opens its record" }),
  ...accountFields,
  ...operatorKeyField,
  ...passphraseFields,
  ...facilitatorFields,
};

export const periodFields = {
  from: momentField(false).optional().meta({ value: "time", description: "from this day or time on, in UTC" }),
  to: momentField(true).optional().meta({ value: "time", description: "up to the end of this day, or to this time" }),
};

export const salesFields = {
  ...periodFields,
  route: z.string().optional().meta({ description: 'of one route only, as in "GET /premium" or /premium' }),
};

type BooksInput = z.output<z.ZodObject<typeof booksFields>>;
type SalesInput = z.output<z.ZodObject<typeof salesFields>>;

export interface OpenSales {
  source: ChainSource;
  records: SaleRecords;
  books: Books;
}

/** Opens the books of the account and checks them whole. */
export async function withSales<Data>(
  context: Context,
  input: BooksInput,
  run: (open: OpenSales) => Promise<Outcome<Data>>,
): Promise<Outcome<Data>> {
  if (input.merchantKeyFile === undefined) return withRecords(context, input, undefined, run);
  return withOperatorKey(input.merchantKeyFile, (key) => withRecords(context, input, key, run));
}

/** @param merchantKey opens the merchant's record */
async function withRecords<Data>(
  context: Context,
  input: BooksInput,
  merchantKey: Secret | undefined,
  run: (open: OpenSales) => Promise<Outcome<Data>>,
): Promise<Outcome<Data>> {
  const account = accountOf(context, input);
  if (!account.ok) return account;
  const records = recordsOf(context, input, account.data, merchantKey);
  if (!records.ok) return records;
  const read = async (key?: Secret): Promise<Outcome<ChainSource>> => {
    const source = await chainAt(context, input, account.data, key);
    if (!source.ok) return source;
    // Asks the merchant here: an access that it wants is made once, for both.
    const loaded = await records.data.load([unixNow()]);
    return loaded.ok ? source : loaded;
  };
  const runOn = async (source: Outcome<ChainSource>) => {
    if (!source.ok) return source;
    context.progress("Checking the journal …");
    const books = await readBooks(source.data);
    return books.ok ? run({ source: source.data, records: records.data, books: books.data }) : books;
  };
  if (input.operatorKeyFile !== undefined) return withOperatorKey(input.operatorKeyFile, async (key) => runOn(await read(key)));
  const owner = findOwner(context, input.ownerFile);
  const isOwn = owner.ok && owner.data.key.account === account.data;
  return runOn(isOwn ? await withOpenBooks(context, input, owner.data, () => read()) : await read());
}

/**
 * The merchant's record: of the flag, else of the configuration; without either there is none. The facilitator's operator key is sent to no
 * merchant, so with that key a configured merchant is asked only if its own key is given, too.
 */
function recordsOf(context: Context, input: BooksInput, payee: AccountId, key: Secret | undefined): Outcome<SaleRecords> {
  if (input.operatorKeyFile !== undefined && key === undefined && input.merchantUrl === undefined) return succeed(NO_RECORDS);
  const merchant = merchantOf(context, input);
  if (!merchant.ok) return merchant;
  if (merchant.data === undefined) return succeed(NO_RECORDS);
  const facilitator = facilitatorUrl(context, input);
  if (!facilitator.ok) return facilitator;
  return succeed(recordsAt(context, { merchant: merchant.data, facilitator: facilitator.data, payee, key }));
}

/** The origin of the seller's merchant, if one is named. */
export function merchantOf(context: Context, { merchantUrl, allowHttp }: MerchantInput): Outcome<string | undefined> {
  const config = merchantUrl === undefined ? context.config() : undefined;
  if (config && !config.ok) return config;
  const named = merchantUrl ?? config?.data.merchantUrl;
  if (named === undefined) return succeed(undefined);
  const url = safeUrl(named, allowHttp);
  if (!url.ok) return { ...url, error: { ...url.error, message: `The merchant's address: ${url.error.message}` } };
  return succeed(new URL(url.data).origin);
}

export const NOT_RECORDED = "route not recorded";

export function routeOf({ record }: Pick<Sale, "record">): string {
  return record?.route ?? NOT_RECORDED;
}

/** Whether a sale is one of those that were asked for. */
export function wanted({ from = 0, to = Infinity, route }: SalesInput): (sale: Sale) => boolean {
  return (sale) => sale.at >= from && sale.at <= to && (route === undefined || isRoute(routeOf(sale), route));
}

/** `/premium` is the route of every method. */
function isRoute(found: string, asked: string): boolean {
  return found === asked || found.slice(found.indexOf(" ") + 1) === asked;
}
