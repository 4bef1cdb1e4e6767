/** What axe finds on a page. It is put in by the browser's debugger, which no policy stops. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

/** Half as long to read as the source with its comments. */
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeResult {
  violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
}

/** One line for each element that a rule does not like. */
export function violations(page: Page): Promise<string[]> {
  return found(page, {});
}

/** Of the rules only that of contrast, which alone depends on the colours: for a page that was looked at whole in the other scheme. */
export function contrastViolations(page: Page): Promise<string[]> {
  return found(page, { runOnly: ["color-contrast"] });
}

async function found(page: Page, options: object): Promise<string[]> {
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(`${AXE};0`);
  const run = `axe.run(document, ${JSON.stringify({ ...options, resultTypes: ["violations"] })})`;
  const { violations } = (await page.evaluate(run)) as AxeResult;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
}
