/** The question under the approval screen. The answer is y, a typed amount or code, or --confirm with the digest. */

import { priceText } from "../../shared/protocol/offer.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { isRightAnswer, type RequiredAnswer, requiredAnswer, wrongAnswerText } from "../../shared/screen/answer.ts";
import type { ApprovalView } from "../../shared/screen/view.ts";
import { askTyped, askYesOrNo, interrupted } from "../prompts/prompts.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

/**
 * Asks for the owner's yes. The digest of the request skips the question, and nothing else. The whole digest is required:
 * an agent can make two requests with the same short code within seconds, show one and have the other signed.
 * @param toDecline says how, if it is not the command `decline`
 */
export async function confirm(
  context: Context,
  view: ApprovalView,
  confirmedDigest: string | undefined,
  toDecline?: string,
): Promise<Outcome<undefined>> {
  const { checked, request, authorization, host } = view;
  const expected = shortCode(checked.digest);
  if (confirmedDigest !== undefined) {
    if (confirmedDigest === checked.digest) return succeed(undefined);
    return fail("request_differs", `--confirm names another request: this one is ${checked.digest}.`, { hint: "Read the request again." });
  }
  if (!context.interactive) {
    return fail("interaction_required", `Request ${expected} waits for the owner, and there is no terminal to ask on.`, {
      exit: EXIT.approvalPending,
      hint: `The owner runs this in a terminal, or adds --confirm ${checked.digest} after reading the request.`,
      details: {
        shortCode: expected,
        requestDigest: checked.digest,
        amount: authorization.value,
        payTo: authorization.to,
        url: request.http.url,
        confirmedByHost: host.kind === "confirmed",
      },
    });
  }
  const answer = await askOwner(context, view);
  if (answer === undefined) return interrupted("Nothing was signed; the request stays open.");
  if (answer) return succeed(undefined);
  return fail("not_approved", `Request ${expected} was not approved. Nothing was signed; it stays open.`, {
    hint: `To decline it: ${toDecline ?? `lez-agent-pay decline ${expected}`}`,
  });
}

const TYPED = {
  amount: "Type the amount or the short code, or nothing to leave it",
  code: "Type the short code, or nothing to leave it",
} as const satisfies Partial<Record<RequiredAnswer, string>>;

/** @returns undefined after Ctrl-C */
async function askOwner(context: Context, view: ApprovalView): Promise<boolean | undefined> {
  const question = `Pay ${priceText(view.request.payment)} to ${new URL(view.request.http.url).host}?`;
  const required = requiredAnswer(view);
  if (required === "yes") return askYesOrNo(context, question);
  return askTyped(context, `${question} ${TYPED[required]}`, {
    isRight: (text) => isRightAnswer(view, text),
    wrong: wrongAnswerText(required),
  });
}
