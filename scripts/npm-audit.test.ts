import { expect, test } from "vitest";
import { verdictOf } from "./npm-audit.ts";

const found = (vulnerabilities: object) => JSON.stringify({ metadata: { vulnerabilities } });

test.each([
  ["nothing found", found({ low: 2, high: 0, critical: 0, total: 2 }), false, "0 critical, 0 high, 2 in all"],
  ["one of high severity", found({ high: 1, critical: 0, total: 1 }), true, "0 critical, 1 high, 1 in all"],
  ["one that is critical", found({ high: 0, critical: 1, total: 1 }), true, "1 critical, 0 high, 1 in all"],
  ["a registry that refuses", JSON.stringify({ message: "405 Method Not Allowed" }), false, "not checked: 405 Method Not Allowed"],
  ["no report", "npm error", false, "not checked: npm gave no report"],
])("npm audit: %s", (_what, output, failed, says) => expect(verdictOf(output)).toEqual({ failed, says }));
