/** What the merchant signed: its offer, and that it delivered. */

import { doubtful, type Finding, right, wrong } from "../checklist/check.ts";
import { nameUnder } from "../extensions/did-web.ts";
import { SIGNED_TERMS } from "../extensions/offer-receipt.ts";
import type { ReadJws } from "../extensions/signed-jws.ts";
import { UPTO } from "../lez.ts";
import { CLOCK_SKEW_SECONDS } from "../limits.ts";
import { usageProblem } from "../protocol/usage.ts";
import { quote } from "../screen/escapes.ts";
import { type EvidenceCheck, PAYMENT_SIGNED, timeText, unknownKey } from "./check.ts";
import { isResource } from "./parts.ts";

type Part = "offer" | "receipt";

/** The two checks that are the same for both: whose signature it is, and whether that is who sells. */
function signatureChecks(part: Part, what: string): readonly EvidenceCheck[] {
  return [
    {
      id: `${part}.signature`,
      title: `the merchant's key signed the ${what}`,
      about: part,
      part,
      after: ["request.approved"],
      async judge({ [part]: signed, merchantKeys, origin }) {
        if (!signed?.said) return wrong("it is no signed statement of this kind");
        for (const key of merchantKeys) if (await signed.said.isSignedBy(key)) return right(`${key} signed it`);
        if (merchantKeys.length > 0) return wrong("no known key of the merchant signed this");
        return unknownKey(`no key of ${origin.origin} is known; it says that ${quote(signed.said.kid)} signed it`);
      },
    },
    {
      id: `${part}.origin`,
      title: `the ${what} is signed in the name of the host that the request went to`,
      about: part,
      part,
      after: ["request.approved", `${part}.signature`],
      judge: ({ [part]: signed, origin }) => judgeOrigin(signed?.said, origin),
    },
  ];
}

function judgeOrigin(said: ReadJws<unknown> | undefined, { host }: URL): Finding {
  const kid = said?.kid ?? "";
  return nameUnder(host, kid) ? right(quote(kid)) : wrong(`it is signed as ${quote(kid)}, not for ${host}`);
}

export const MERCHANT_CHECKS: readonly EvidenceCheck[] = [
  ...signatureChecks("offer", "offer"),
  {
    id: "offer.terms",
    title: "it is the offer that the request accepts, for the resource that it names",
    about: "offer",
    part: "offer",
    after: ["offer.signature", "request.approved", "request.terms"],
    judge({ offer, accepted, origin }) {
      const said = offer?.said?.payload;
      if (!said || !accepted) return wrong("there is no offer to compare");
      const other = SIGNED_TERMS.find((member) => said[member] !== accepted[member]);
      if (other) return wrong(`${other} is ${quote(said[other])} in the signed offer, ${quote(accepted[other])} in the request`);
      return isResource(said.resourceUrl, origin) ? right(said.resourceUrl) : wrong(`it is for ${quote(said.resourceUrl)}`);
    },
  },
  {
    id: "offer.time",
    title: "the offer was valid when the payment was signed",
    about: "offer",
    part: "offer",
    after: ["offer.signature", ...PAYMENT_SIGNED],
    judge({ offer, from }) {
      const until = offer?.said?.payload.validUntil ?? 0;
      if (until >= from) return right(`valid until ${timeText(until)}`);
      // An owner takes his time, and a merchant is free to sell at its old price: the request has its own end.
      return doubtful(
        `it was valid until ${timeText(until)}, and the payment was signed after that: it no longer bound the merchant to its price`,
      );
    },
  },
  ...signatureChecks("receipt", "receipt"),
  {
    id: "receipt.terms",
    title: "it is the receipt for this payment: payer, transaction, network and resource",
    about: "receipt",
    part: "receipt",
    after: ["receipt.signature", "request.approved", ...PAYMENT_SIGNED],
    judge({ receipt, payment: { authorization }, transaction, origin }) {
      const said = receipt?.said?.payload;
      const expected = { network: authorization.network, payer: authorization.from, transaction };
      const other = (["network", "payer", "transaction"] as const).find((member) => said?.[member] !== expected[member]);
      if (other) return wrong(`${other} is ${quote(said?.[other] ?? "")}, of this payment it is ${quote(expected[other])}`);
      return isResource(said?.resourceUrl ?? "", origin)
        ? right(`transaction ${transaction}`)
        : wrong(`it is for ${quote(said?.resourceUrl ?? "")}`);
    },
  },
  {
    id: "receipt.charge",
    title: "what was charged is no more than was signed, and is what the usage comes to at the offered price",
    about: "receipt",
    part: "receipt",
    scheme: UPTO,
    after: ["receipt.signature", "request.terms", ...PAYMENT_SIGNED],
    judge({ receipt, payment: { authorization }, accepted }) {
      const { amount, usage } = receipt?.said?.payload ?? {};
      if (amount === undefined || !accepted) return wrong("it does not say what was charged");
      if (BigInt(amount) > BigInt(authorization.value))
        return wrong(`${amount} is more than ${authorization.value}, the most that was signed`);
      const problem = usage && usageProblem(usage, amount, accepted);
      if (problem !== undefined) return wrong(problem);
      const unsaid = usage === undefined && accepted.extra?.["unitPrice"] !== undefined;
      if (unsaid) return doubtful(`${amount} units, and the offer names the price of a unit, but the receipt no usage`);
      return right(`${amount} of at most ${authorization.value} units`);
    },
  },
  {
    id: "receipt.time",
    title: "the receipt is not older than the payment",
    about: "receipt",
    part: "receipt",
    after: ["receipt.signature", ...PAYMENT_SIGNED],
    judge({ receipt, from }) {
      const at = receipt?.said?.payload.issuedAt ?? 0;
      return at >= from - CLOCK_SKEW_SECONDS
        ? right(`delivered at ${timeText(at)}`)
        : wrong(`issued at ${timeText(at)}, before the payment was signed`);
    },
  },
];
