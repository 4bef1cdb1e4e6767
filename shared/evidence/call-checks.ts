/** The call: it went to the session's origin, and the agent signed a voucher for it that its price fits into. */

import { doubtful, right, wrong } from "../checklist/check.ts";
import { bindingScope } from "../protocol/binding.ts";
import { isGenuineVoucher } from "../protocol/voucher.ts";
import type { PaymentRequirements } from "../x402/x402.ts";
import { type CallCheck, SESSION_SIGNED } from "./session-checks.ts";

export const VOUCHER_SIGNED = [...SESSION_SIGNED, "voucher.session", "voucher.signature"] as const;

export const CALL_POINTS: readonly CallCheck[] = [
  {
    id: "voucher.session",
    title: "the voucher is of this session",
    about: "voucher.voucher.session",
    after: SESSION_SIGNED,
    judge: ({ voucher: { voucher }, id }) => (voucher.session === id ? right(id) : wrong(`the session is ${id}`)),
  },
  {
    id: "voucher.signature",
    title: "the agent that the session names signed the voucher",
    about: "voucher",
    after: [...SESSION_SIGNED, "voucher.session"],
    async judge({ voucher, terms: { signer } }) {
      const { lane, serial, maxClaimableAmount } = voucher.voucher;
      return (await isGenuineVoucher(voucher, signer))
        ? right(`number ${serial} of lane ${lane}: up to ${maxClaimableAmount} units of it`)
        : wrong("the session's agent did not sign it");
    },
  },
  {
    id: "call.binding",
    title: "the voucher is for this address, body and price",
    about: "call",
    after: VOUCHER_SIGNED,
    judge({ call: { amount, ...bound }, voucher: { voucher }, terms: { network, asset, to } }) {
      const terms = { network, asset, amount, payTo: to, extra: voucher.binding ? { binding: voucher.binding } : {} };
      const scope = bindingScope(bound, terms as object as PaymentRequirements);
      if (!scope) return wrong("the voucher's binding is for another call");
      return scope === "none" ? doubtful("the merchant tied the voucher to no request") : right(`${bound.method} ${bound.url}`);
    },
  },
  {
    id: "call.origin",
    title: "the call went to the session's origin",
    about: "call.url",
    after: [...VOUCHER_SIGNED, "call.binding"],
    judge({ call: { url }, terms: { origin } }) {
      const called = new URL(url).origin;
      return called === origin ? right(origin) : wrong(`the session is for ${origin}`);
    },
  },
  {
    id: "voucher.sum",
    title: "the voucher covers the call's price, and not more than the deposit",
    about: "voucher.voucher.maxClaimableAmount",
    after: [...VOUCHER_SIGNED, "call.binding"],
    judge({ call: { amount }, voucher: { voucher }, terms: { deposit } }) {
      const sum = BigInt(voucher.maxClaimableAmount);
      if (sum < BigInt(amount)) return wrong(`${sum} units, and the call costs up to ${amount}`);
      return sum > BigInt(deposit) ? wrong(`${sum} units, of a deposit of ${deposit}`) : right(`up to ${amount} units`);
    },
  },
];
