/** The approval screen on a terminal. Its facts, warnings and words come from shared/screen. */
import { approvalFacts, type Fact } from "../../shared/screen/facts.ts";
import type { ApprovalView } from "../../shared/screen/view.ts";
import { approvalWarnings } from "../../shared/screen/warnings.ts";
import { field, frame, type Layout, wrap } from "../runtime/layout.ts";

export function approvalScreen(view: ApprovalView, layout: Layout): string[] {
  const { shortCode, facts, agentSays, agentSends, merchantSays, decisive } = approvalFacts(view);
  const lines = ({ label, value, strong }: Fact) => field(layout, label, value).map((line) => (strong ? layout.ink("bold", line) : line));
  return [
    layout.ink("bold", `PAYMENT REQUEST  ${shortCode}`),
    "",
    ...facts.flatMap(lines),
    "",
    ...approvalWarnings(view).flatMap((warning) => wrap(`! ${warning}`, layout.width).map((line) => layout.ink("yellow", line))),
    "",
    ...frame(layout, "the agent says", agentSays),
    ...(agentSends.length > 0 ? frame(layout, "the agent sends", agentSends) : []),
    ...frame(layout, "the merchant says", merchantSays),
    "",
    ...decisive.flatMap(lines),
  ];
}
