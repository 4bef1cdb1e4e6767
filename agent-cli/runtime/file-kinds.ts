/** Recognises our own files, so that a file named by mistake is called what it is. A look at the members, no check of them. */

import { type PaymentRequest, requestDigest, shortCode } from "../../shared/protocol/payment-request.ts";
import { shellWord } from "./shell-quote.ts";

export interface FileKind {
  /** As the options of `readJson` call it. */
  what: string;
  /** The same with its article. */
  is: string;
  /** The command that takes such a file. */
  hint: string;
}

/**
 * @param value the parsed content
 * @param file its name, for the hint
 */
export function kindOf(value: unknown, file: string): FileKind | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const name = shellWord(file);
  const has = (...members: string[]) => members.every((member) => Object.hasOwn(value, member));
  if ("format" in value && value.format === "lez-agent-pay/key/1" && "role" in value) {
    return value.role === "owner"
      ? {
          what: "owner key file",
          is: "an owner's key",
          hint: "It is for --owner-file, and stays where it is. Name the request, by its code, or its payment.",
        }
      : { what: "agent key file", is: "an agent's key", hint: "It is for --agent-file. Name the request, by its code, or its payment." };
  }
  if (has("format", "request", "bodyBase64")) {
    return {
      what: "exported request",
      is: "an exported request",
      hint: `Its owner decides: lez-agent-pay approve --request-file ${name} --out decision.json. Then, here: lez-agent-pay decision import`,
    };
  }
  if (has("agentSignature", "http", "payment")) {
    const code = codeOf(value as PaymentRequest);
    const paid = `Then: lez-agent-pay pay ${code ?? "with its code"}, or with the file that owner approve wrote.`;
    return {
      what: "payment request",
      is: "a payment request",
      hint: `Its owner decides first: lez-agent-pay owner approve --request-file ${name} --out payment.json. ${paid}`,
    };
  }
  if (has("version", "request", "payment"))
    return { what: "evidence of a payment", is: "evidence of a payment", hint: `lez-agent-pay receipt verify ${name} checks it.` };
  if (has("x402Version", "accepted", "payload"))
    return { what: "payment payload", is: "a signed payment", hint: `lez-agent-pay pay ${name} sends it.` };
  if (has("x402Version", "accepts")) {
    return {
      what: "merchant's terms",
      is: "a merchant's terms",
      hint: "It belongs beside the request that it priced. Name the request, by its code, or its payment.",
    };
  }
  if (has("facilitator", "access", "publicKey")) {
    return {
      what: "access to an account's books",
      is: "an access to an account's books",
      hint: `lez-agent-pay books import ${name} keeps it.`,
    };
  }
  if (has("decision", "signed"))
    return { what: "owner's decision", is: "an owner's decision", hint: "It says no. There is nothing to pay." };
  if (has("merchants") || has("ledgers")) return { what: "file of known keys", is: "a file of known keys", hint: "It is for --keys." };
  if (has("facilitatorUrl") || has("ownerFile") || has("agentFile") || has("sequencers"))
    return { what: "configuration", is: "a configuration", hint: "No command takes it as a file." };
  return undefined;
}

/** Undefined if the request is too damaged to have a digest. */
function codeOf(request: PaymentRequest): string | undefined {
  try {
    return shortCode(requestDigest(request));
  } catch {
    return undefined;
  }
}
