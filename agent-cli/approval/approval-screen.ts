/** The approval screen on a terminal. Its facts, warnings and words come from shared/screen. */

import { shortCode } from "../../shared/protocol/payment-request.ts";
import { approvalFacts, type Fact, requestFacts } from "../../shared/screen/facts.ts";
import { NATIVE_TITLE } from "../../shared/screen/native-facts.ts";
import type { ApprovalView } from "../../shared/screen/view.ts";
import { approvalWarnings } from "../../shared/screen/warnings.ts";
import type { Subject } from "../purchase/request-subject.ts";
import { frame, type Layout } from "../runtime/layout.ts";
import { factLines, warningLines } from "./facts-screen.ts";

/** What `decline` and `revoke` are about to act on. */
export function decisionScreen({ request, digest }: Pick<Subject, "request" | "digest">, layout: Layout): string[] {
  const { facts, agentSays } = requestFacts(request);
  return [
    layout.ink("bold", `PAYMENT REQUEST  ${shortCode(digest)}`),
    "",
    ...facts.flatMap((fact) => factLines(layout, fact)),
    "",
    ...frame(layout, "the agent says", agentSays),
    "",
  ];
}

export function approvalScreen(view: ApprovalView, layout: Layout): string[] {
  const { shortCode: code, facts, agentSays, agentSends, merchantSays, decisive } = approvalFacts(view);
  const lines = (fact: Fact) => factLines(layout, fact);
  return [
    layout.ink("bold", `PAYMENT REQUEST  ${code}${view.native ? `  ${NATIVE_TITLE}` : ""}`),
    "",
    ...facts.flatMap(lines),
    "",
    ...warningLines(layout, approvalWarnings(view)),
    "",
    ...frame(layout, "the agent says", agentSays),
    ...(agentSends.length > 0 ? frame(layout, "the agent sends", agentSends) : []),
    ...frame(layout, "the merchant says", merchantSays),
    "",
    ...decisive.flatMap(lines),
  ];
}
