/** The terms, on any network: version, resource, offers. And the additional rules of our own network. */

import { type Finding, right, skipped, wrong } from "../../shared/checklist/check.ts";
import { ASSET, NETWORK, SCHEME, UPTO, X402_VERSION } from "../../shared/lez.ts";
import { MAX_ACCEPTS, MAX_VALIDITY_SECONDS } from "../../shared/limits.ts";
import { isAccountId } from "../../shared/protocol/account.ts";
import { isAmount } from "../../shared/protocol/amount.ts";
import { bindingScope } from "../../shared/protocol/binding.ts";
import { supportsExtra } from "../../shared/protocol/offer.ts";
import { quote, showUnsafe } from "../../shared/screen/escapes.ts";
import { type PaymentRequirements, paymentRequirementsSchema } from "../../shared/x402/x402.ts";
import { boundRequest } from "../merchant/curl-request.ts";
import { type ConformanceCheck, defects } from "./check.ts";
import type { MerchantVisit } from "./merchant-visit.ts";
import { foreignMembers, isAssetOn, isKnownScheme, isPayeeOn, KNOWN_SCHEMES } from "./schemes.ts";
import { isMembers, type Members } from "./terms-read.ts";

const MEMBERS = ["scheme", "network", "amount", "asset", "payTo", "maxTimeoutSeconds"];
/** CAIP-2: a namespace and a reference. No pattern. */
const CAIP_2 = /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/;
const FLOWS: readonly unknown[] = ["authorization", "upfront", "escrow"];
const PRINTABLE = /^[\x20-\x7e]{1,32}$/;

function onTerms(judge: (terms: Members, visit: MerchantVisit) => Finding): (visit: MerchantVisit) => Finding {
  return (visit) => (visit.terms.terms ? judge(visit.terms.terms, visit) : skipped("there are no terms that can be read"));
}

/** For checks of each offer; at most one defect per offer. */
function onOffers(defect: (offer: Members, visit: MerchantVisit) => string | undefined): (visit: MerchantVisit) => Finding {
  return (visit) => {
    const { offers } = visit.terms;
    if (offers.length === 0) return skipped("there is no offer");
    const found = offers.map((offer, i) => ({ i, problem: defect(offer, visit) })).filter(({ problem }) => problem !== undefined);
    return defects(
      found.map(({ i, problem }) => `accepts[${i}]: ${problem}`),
      `${offers.length} ${offers.length === 1 ? "offer" : "offers"}`,
    );
  };
}

/** For checks of offers on our own network. */
function onOurs(defect: (offer: PaymentRequirements, visit: MerchantVisit) => string | undefined): (visit: MerchantVisit) => Finding {
  return (visit) => {
    const ours = visit.terms.offers.filter(({ network, scheme }) => network === NETWORK && isOurScheme(scheme));
    if (ours.length === 0) return skipped(`no "${SCHEME}" and no "${UPTO}" offer on ${NETWORK}`);
    const shaped = ours.map((offer) => paymentRequirementsSchema.safeParse(offer)).filter(({ success }) => success);
    if (shaped.length === 0) return skipped("the offer has the wrong shape");
    const problems = shaped.map(({ data }) => (data ? defect(data, visit) : undefined));
    return defects(
      problems.filter((problem) => problem !== undefined),
      `${shaped.length} of ours`,
    );
  };
}

const isOurScheme = (scheme: unknown) => scheme === SCHEME || scheme === UPTO;
const extraOf = (offer: Members): Members => (isMembers(offer["extra"]) ? offer["extra"] : {});
const resourceOf = (terms: Members): Members => (isMembers(terms["resource"]) ? terms["resource"] : {});

export const TERMS_CHECKS: readonly ConformanceCheck<MerchantVisit>[] = [
  {
    id: "terms.version",
    title: "x402Version is the number 2",
    clause: "x402 v2 §5.1.2",
    severity: "fail",
    change: "Set x402Version to 2, as a number.",
    judge: onTerms(({ x402Version }) => (x402Version === X402_VERSION ? right("2") : wrong(quote(x402Version)))),
  },
  {
    id: "terms.resource",
    title: "resource.url names the resource",
    clause: "x402 v2 §5.1.2",
    severity: "fail",
    change: "Set resource.url to the public address of this resource.",
    judge: onTerms((terms) => {
      const { url } = resourceOf(terms);
      return typeof url === "string" && URL.canParse(url) ? right(quote(url)) : wrong(`resource.url: ${quote(url)}`);
    }),
  },
  {
    id: "terms.resource-host",
    title: "resource.url is on the requested host",
    clause: "x402 v2 §5.1.2, spec/protocol.md §3",
    severity: "fail",
    change:
      "Take the public origin from your configuration: behind a proxy, a request has another. Careful buyers refuse terms for another host.",
    judge: onResource((resource, asked) => resource.host === asked.host),
  },
  {
    id: "terms.resource-url",
    title: "resource.url has the requested scheme and path",
    clause: "x402 v2 §5.1.2",
    severity: "warn",
    change: "Configure the public origin and path. A proxy that ends TLS or strips a prefix causes this.",
    judge: onResource((resource, asked) => resource.protocol === asked.protocol && resource.pathname === asked.pathname),
  },
  {
    id: "terms.resource-info",
    title: "the other members of resource have the right types",
    clause: "x402 v2 §5.1.2",
    severity: "warn",
    change:
      "description and mimeType are strings; serviceName and up to 5 tags have 1 to 32 printable ASCII characters; iconUrl is an http(s) URL.",
    judge: onTerms((terms) => {
      const { description, mimeType, serviceName, tags, iconUrl } = resourceOf(terms);
      const ok: Record<string, boolean> = {
        description: isAbsentOr(description, (value) => typeof value === "string"),
        mimeType: isAbsentOr(mimeType, (value) => typeof value === "string"),
        serviceName: isAbsentOr(serviceName, isLabel),
        tags: isAbsentOr(tags, (value) => Array.isArray(value) && value.length <= 5 && value.every(isLabel)),
        iconUrl: isAbsentOr(iconUrl, (value) => typeof value === "string" && value.length <= 2048 && /^https?:\/\//.test(value)),
      };
      const bad = Object.keys(ok).filter((key) => !ok[key]);
      return defects(bad, "right types");
    }),
  },
  {
    id: "terms.text",
    title: "no text in the terms has unsafe characters",
    clause: "spec/protocol.md §6",
    severity: "warn",
    change: "Remove control, bidirectional, invisible and tag characters. Buyers' tools show them as numbers, and owners will decline.",
    judge: onTerms((terms) => {
      const hidden = textsIn(terms).filter((text) => showUnsafe(text) !== text);
      return hidden.length > 0 ? wrong(quote(hidden[0])) : right("plain text");
    }),
  },
  {
    id: "terms.error",
    title: "error is a string, or absent",
    clause: "x402 v2 §5.1.2",
    severity: "fail",
    change: "State why payment is required, or leave error out.",
    judge: onTerms(({ error }) => (isAbsentOr(error, (value) => typeof value === "string") ? right(quote(error)) : wrong(quote(error)))),
  },
  {
    id: "terms.extensions",
    title: "each extension has info and schema",
    clause: "x402 v2 §5.1.2 (Extensions)",
    severity: "fail",
    change: "Advertise each extension as { info, schema }, both objects, or leave it out.",
    judge: onTerms(({ extensions }) => {
      if (extensions === undefined || extensions === null) return right("none");
      if (!isMembers(extensions)) return wrong(quote(extensions));
      const bad = Object.entries(extensions).filter(
        ([, value]) => !isMembers(value) || !isMembers(value["info"]) || !isMembers(value["schema"]),
      );
      return defects(
        bad.map(([key]) => quote(key)),
        `${Object.keys(extensions).length}`,
      );
    }),
  },
  {
    id: "terms.accepts",
    title: "accepts is a list of at least one offer",
    clause: "x402 v2 §5.1.2",
    severity: "fail",
    change: "Offer at least one way to pay.",
    judge: onTerms(({ accepts }, { terms: { offers } }) => {
      if (!Array.isArray(accepts) || accepts.length === 0) return wrong(quote(accepts));
      return accepts.length === offers.length ? right(`${offers.length}`) : wrong("an entry that is no object");
    }),
  },
  {
    id: "terms.accepts-few",
    title: `accepts has at most ${MAX_ACCEPTS} offers`,
    clause: "spec/protocol.md §8",
    severity: "warn",
    change: "Make fewer offers. Clients, ours among them, refuse longer lists.",
    judge: onTerms((_, { terms: { offers } }) => (offers.length <= MAX_ACCEPTS ? right(`${offers.length}`) : wrong(`${offers.length}`))),
  },
  {
    id: "offer.members",
    title: "each offer has its six members, with the right types",
    clause: "x402 v2 §5.1.2",
    severity: "fail",
    change: "scheme, network, amount, asset and payTo are strings that are not empty, maxTimeoutSeconds is a number, extra an object.",
    judge: onOffers((offer) => {
      const bad = MEMBERS.filter((key) =>
        key === "maxTimeoutSeconds" ? typeof offer[key] !== "number" : typeof offer[key] !== "string" || offer[key] === "",
      );
      if (!isAbsentOr(offer["extra"], isMembers)) bad.push("extra");
      return bad.length > 0 ? bad.map((key) => `${key} ${quote(offer[key])}`).join(", ") : undefined;
    }),
  },
  {
    id: "offer.no-more",
    title: "no offer has other members besides extra",
    clause: "x402 v2 §5.1.2",
    severity: "warn",
    change: "Put your own members into extra. Payments repeat the offer, and servers compare all of it.",
    judge: onOffers((offer) => {
      const more = Object.keys(offer).filter((key) => key !== "extra" && !MEMBERS.includes(key));
      return more.length > 0 ? more.map(quote).join(", ") : undefined;
    }),
  },
  {
    id: "offer.network",
    title: "each network is one CAIP-2 name, not a pattern",
    clause: "x402 v2 §5.1.2, CAIP-2",
    severity: "fail",
    change: 'Name one network, as in "eip155:84532".',
    judge: onOffers(({ network }) => (typeof network === "string" && CAIP_2.test(network) ? undefined : `network ${quote(network)}`)),
  },
  {
    id: "offer.amount",
    title: "each amount is a whole number of atomic units, as a decimal string",
    clause: "x402 v2 §5.1.2",
    severity: "fail",
    change: 'Write the price in the token\'s smallest unit: "10000", not 0.01, "$0.01" or 1e4.',
    judge: onOffers(({ amount }) =>
      typeof amount === "string" && /^(0|[1-9][0-9]{0,77})$/.test(amount) ? undefined : `amount ${quote(amount)}`,
    ),
  },
  {
    id: "offer.price",
    title: "no offer asks nothing",
    clause: "x402 v2 §5.1.2",
    severity: "warn",
    change: "Serve what is free without a 402. A payment of nothing needs a signature all the same, and many buyers refuse to give one.",
    judge: onOffers(({ amount }) => (typeof amount === "string" && /^0+$/.test(amount) ? `amount ${quote(amount)}` : undefined)),
  },
  {
    id: "offer.scheme",
    title: "each scheme is one that x402 defines",
    clause: "x402 v2 §6",
    severity: "warn",
    change: `Offer ${KNOWN_SCHEMES.slice(0, -1).join(", ")} or ${KNOWN_SCHEMES.at(-1)}, spelled so. Stock buyers skip every other offer.`,
    judge: onOffers(({ scheme }) => (isKnownScheme(scheme) ? undefined : `scheme ${quote(scheme)}`)),
  },
  {
    id: "offer.payee",
    title: "each payee has the form of its network's accounts",
    clause: "x402 v2 §5.1.2, CAIP-10",
    severity: "fail",
    change: "On eip155, payTo is 0x and 40 hex digits; on solana, base58 of 32 bytes. Another network's account cannot be paid there.",
    judge: onOffers(({ network, payTo }) => (isPayeeOn(network, payTo) ? undefined : `payTo ${quote(payTo)} on ${quote(network)}`)),
  },
  {
    id: "offer.asset",
    title: "each asset has the form of its network's tokens",
    clause: "x402 v2 §5.1.2, CAIP-19",
    severity: "fail",
    change: "On eip155, asset is the token's contract, 0x and 40 hex digits; on solana, the mint in base58.",
    judge: onOffers(({ network, asset }) => (isAssetOn(network, asset) ? undefined : `asset ${quote(asset)} on ${quote(network)}`)),
  },
  {
    id: "offer.scheme-members",
    title: "extra has no members of another scheme",
    clause: "x402 v2 §6",
    severity: "warn",
    change: "Leave out what belongs to another scheme or network: a payment repeats extra, and a buyer may act on it.",
    judge: onOffers((offer) => {
      const foreign = foreignMembers(offer);
      return foreign.length > 0 ? foreign.join(", ") : undefined;
    }),
  },
  {
    id: "offer.timeout",
    title: "each maxTimeoutSeconds is a whole number above 0",
    clause: "x402 v2 §5.1.2",
    severity: "fail",
    change: "Give buyers, and the owners they ask, a whole number of seconds.",
    judge: onOffers(({ maxTimeoutSeconds: seconds }) =>
      typeof seconds === "number" && Number.isInteger(seconds) && seconds > 0 ? undefined : `maxTimeoutSeconds ${quote(seconds)}`,
    ),
  },
  {
    id: "offer.flow",
    title: "each payment flow is one that x402 defines",
    clause: "x402 v2 §6.1 (paymentFlow)",
    severity: "fail",
    change: "extra.paymentFlow is authorization, upfront or escrow, or absent. Clients must not pay for any other.",
    judge: onOffers((offer) => {
      const { paymentFlow } = extraOf(offer);
      return isAbsentOr(paymentFlow, (value) => FLOWS.includes(value)) ? undefined : `paymentFlow ${quote(paymentFlow)}`;
    }),
  },
  {
    id: "offer.transfer-method",
    title: "no offer names the transfer method default",
    clause: "x402 v2 §6.1 (assetTransferMethod)",
    severity: "fail",
    change: 'Leave extra.assetTransferMethod out to mean the default. The word "default" is never sent.',
    judge: onOffers((offer) => (extraOf(offer)["assetTransferMethod"] === "default" ? 'assetTransferMethod "default"' : undefined)),
  },
  {
    id: "offer.cheapest-first",
    title: "of two offers that differ only in price, the cheaper comes first",
    clause: "x402 v2 §5.1.2 (accepts)",
    severity: "warn",
    change: "Put the cheapest first, or leave the others out. Clients take the first offer that they can pay.",
    judge: ({ terms: { offers } }) => {
      if (offers.length < 2) return skipped("there are no two offers");
      const dear = offers.flatMap((offer, i) => {
        const cheaper = offers.findIndex((other, j) => j > i && sameWay(offer, other) && isLess(other["amount"], offer["amount"]));
        return cheaper < 0
          ? []
          : [`accepts[${i}] asks ${quote(offer["amount"])}, accepts[${cheaper}] only ${quote(offers[cheaper]?.["amount"])}`];
      });
      return defects(dear, "in order");
    },
  },
  {
    id: "lez.offer",
    title: `an offer on ${NETWORK} can be paid`,
    clause: "spec/protocol.md §3",
    severity: "fail",
    change: `asset is "${ASSET}", payTo an account in base58, amount 1 to 2^128 − 1.`,
    judge: onOurs(({ asset, payTo, amount }) => {
      if (asset !== ASSET) return `asset ${quote(asset)}`;
      if (!isAccountId(payTo)) return `payTo ${quote(payTo)}`;
      return isAmount(amount) ? undefined : `amount ${quote(amount)}`;
    }),
  },
  {
    id: "lez.scheme",
    title: `each offer on ${NETWORK} is "${SCHEME}" or "${UPTO}"`,
    clause: "spec/scheme_exact_lez.md, spec/scheme_upto_lez.md",
    severity: "fail",
    change: `Write "${SCHEME}", or "${UPTO}" for a price that is known afterwards: the network has no other scheme.`,
    judge: onOffers(({ network, scheme }) => (network === NETWORK && !isOurScheme(scheme) ? `scheme ${quote(scheme)}` : undefined)),
  },
  {
    id: "lez.extra",
    title: `extra requires nothing that ${NETWORK} cannot do`,
    clause: "spec/protocol.md §3",
    severity: "fail",
    change:
      "No splits, no transfer method, flow authorization or upfront, and a ledger id of 64 hex digits. Of upto: flow authorization only, and unit and unitPrice both or neither.",
    judge: onOurs((offer) => (supportsExtra(offer) ? undefined : `extra ${quote(offer.extra)}`)),
  },
  {
    id: "lez.binding",
    title: "the binding is that of this request",
    clause: "spec/protocol.md §3",
    severity: "fail",
    change: "Compute extra.binding from method, public URL and body of this request, as in spec/protocol.md. Our buyers refuse any other.",
    judge: onOurs((offer, { request }) =>
      bindingScope(boundRequest(request), offer) ? undefined : `binding ${quote(offer.extra?.["binding"])}`,
    ),
  },
  {
    id: "lez.bound",
    title: "the payment is bound to the request",
    clause: "spec/protocol.md §3",
    severity: "warn",
    change: "Add extra.binding. Without it, a payment for one resource buys another of the same price, and owners get a warning.",
    judge: onOurs(({ extra }) => (extra?.["binding"] === undefined || extra["binding"] === null ? "no extra.binding" : undefined)),
  },
  {
    id: "lez.ledger",
    title: "the offer names the ledger that settles",
    clause: "spec/protocol.md §2",
    severity: "warn",
    change: "Copy extra.ledger from your facilitator's /supported, so that no other ledger can settle the payment.",
    judge: onOurs(({ extra }) => (extra?.["ledger"] === undefined || extra["ledger"] === null ? "no extra.ledger" : undefined)),
  },
  {
    id: "lez.timeout",
    title: `maxTimeoutSeconds is at most ${MAX_VALIDITY_SECONDS}`,
    clause: "spec/protocol.md §4",
    severity: "warn",
    change: "Offer less. No authorization is valid for longer.",
    judge: onOurs(({ maxTimeoutSeconds }) => (maxTimeoutSeconds <= MAX_VALIDITY_SECONDS ? undefined : `${maxTimeoutSeconds} seconds`)),
  },
];

function onResource(fits: (resource: URL, asked: URL) => boolean): (visit: MerchantVisit) => Finding {
  return onTerms((terms, { request }) => {
    const { url } = resourceOf(terms);
    if (typeof url !== "string" || !URL.canParse(url)) return skipped("there is no resource.url");
    return fits(new URL(url), new URL(request.url)) ? right(quote(url)) : wrong(`${quote(url)}, requested was ${quote(request.url)}`);
  });
}

function isAbsentOr(value: unknown, test: (value: unknown) => boolean): boolean {
  return value === undefined || value === null || test(value);
}

function isLabel(value: unknown): boolean {
  return typeof value === "string" && PRINTABLE.test(value);
}

/** The strings that tools show to people. extra and schemas are for programs. */
function textsIn(terms: Members): string[] {
  const { description, serviceName, tags } = resourceOf(terms);
  const list: unknown[] = [terms["error"], description, serviceName, ...(Array.isArray(tags) ? (tags as unknown[]) : [])];
  return list.filter((text) => typeof text === "string");
}

function sameWay(a: Members, b: Members): boolean {
  const flow = (offer: Members) => extraOf(offer)["paymentFlow"] ?? "authorization";
  return ["scheme", "network", "asset"].every((key) => a[key] === b[key]) && flow(a) === flow(b);
}

function isLess(a: unknown, b: unknown): boolean {
  const whole = /^[0-9]{1,78}$/;
  return typeof a === "string" && typeof b === "string" && whole.test(a) && whole.test(b) && BigInt(a) < BigInt(b);
}
