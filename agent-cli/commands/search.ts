/** `search`: what can be bought, by a facilitator's catalogue. Asks no merchant, and pays nothing. */

import * as z from "zod";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { defineCommand } from "../command-line/command.ts";
import { facilitatorFields, facilitatorUrl } from "../facilitator/client.ts";
import { type Found, foundSchema, searchCatalogue } from "../purchase/catalogue.ts";
import { allPins, isOfLedger } from "../records/merchant-pins.ts";
import { field, type Layout, wrap } from "../runtime/layout.ts";
import { MAX_FOUND } from "../runtime/limits.ts";
import { succeed } from "../runtime/outcome.ts";

const LIMIT = `must be a whole number from 1 to ${MAX_FOUND}`;

export const search = defineCommand({
  name: "search",
  audience: "agent",
  readOnly: true,
  tool: { title: "Search what can be bought", idempotent: true, openWorld: true },
  summary: "what can be bought, by the facilitator's catalogue; never pays",
  description:
    "Finds the routes whose name, description, tags or address have every word. All of it is what sellers say, or others who paid them: the facilitator checks no address. Only quote tells what a route costs and who is paid.",
  input: z.strictObject({
    words: z.array(z.string()).min(1, "needs a word").meta({ positional: true, value: "word", description: "words to find, all of them" }),
    limit: z.coerce
      .number(LIMIT)
      .int(LIMIT)
      .min(1, LIMIT)
      .max(MAX_FOUND, LIMIT)
      .default(10)
      .meta({ value: "n", description: `at most so many, up to ${MAX_FOUND}; 10` }),
    ...facilitatorFields,
  }),
  output: z.strictObject({
    facilitator: z.string(),
    /** Merchants known by the same account first, then sellers that the facilitator knows. */
    found: z.array(foundSchema),
    /** Entries that cannot be paid here, or cannot be read. */
    unusable: z.number(),
    /** There are more than were asked for. */
    more: z.boolean(),
  }),
  examples: [
    { says: "who sells the weather?", argv: "search weather city" },
    { says: "as data, and no more than three", argv: "search report --limit 3 --json" },
  ],
  async run(context, input) {
    const facilitator = facilitatorUrl(context, input);
    if (!facilitator.ok) return facilitator;
    const pins = allPins(context);
    if (!pins.ok) return pins;
    const searched = await searchCatalogue(context, input, pins.data.pins.filter(isOfLedger));
    if (!searched.ok) return searched;
    const first = searched.data.found.find(
      ({ method, fillIn, merchant }) => method === "GET" && !fillIn && merchant?.sameAccount !== false,
    );
    const argv = first && ["lez-agent-pay", "quote", first.url];
    return succeed(
      { facilitator: facilitator.data, ...searched.data },
      argv && { argv, by: "agent", why: "ask the address itself what it costs and who is paid" },
    );
  },
  render({ facilitator, found, unusable, more }, layout) {
    if (found.length === 0 && unusable === 0) return wrap(`Nothing that has every word is listed at ${facilitator}.`, layout.width);
    return [
      ...found.flatMap((each) => [...lines(each, layout), ""]),
      ...(unusable > 0 ? wrap(`${unusable} more cannot be paid here, or cannot be read.`, layout.width) : []),
      ...(more ? wrap("There are more. Add a word, or raise --limit.", layout.width) : []),
      ...wrap("Nothing here was checked. quote asks an address what it costs.", layout.width),
    ];
  },
});

const SAID_BY: Record<Found["proof"], string> = {
  seller: "a seller of this account, known to the facilitator",
  payment: "any caller who paid this account; it may be a stranger",
  unknown: "the facilitator does not say",
};

function lines({ method, url, fillIn, listedPrice, payTo, proof, ...said }: Found, layout: Layout): string[] {
  const { name, description, tags = [], merchant, lastPaidAt } = said;
  const words = [name, description, ...tags].filter((word) => word !== undefined).map(({ text }) => showUnsafe(text));
  return [
    ...wrap(layout.ink("bold", `${method} ${url}`), layout.width),
    ...(fillIn ? field(layout, "fill in", fillIn.join(", ")) : []),
    ...field(layout, "listed", `${listedPrice.display}${lastPaidAt ? `, as paid at ${lastPaidAt}` : ""}; not checked`),
    ...field(layout, "pay to", payTo),
    ...field(layout, "said by", SAID_BY[proof]),
    ...(merchant?.sameAccount ? field(layout, "known", `this account at this address, since ${merchant.firstSeenAt}`) : []),
    ...(merchant?.sameAccount === false ? field(layout, "BUT", "this address was paid at another account before") : []),
    ...(words.length > 0 ? field(layout, "it says", words.join(" · ")) : []),
  ];
}
