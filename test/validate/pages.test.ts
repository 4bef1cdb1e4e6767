/** The pages that describe checks and tricks are what the code makes of them. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FACILITATOR_CHECKS, MERCHANT_CHECKS } from "../../agent-cli/validate/checks.ts";
import { hostilePage } from "../../scripts/hostile-page.ts";
import { validatePage } from "../../scripts/validate-page.ts";
import { MODE_NAMES } from "../hostile/facilitator.ts";
import { DOCUMENT_NAMES } from "../hostile/signing.ts";
import { TRICK_NAMES } from "../hostile/tricks.ts";

const committed = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

test.each(Object.entries({ ...validatePage(), ...hostilePage() }))("%s is fresh", (file, content) => {
  expect(committed(file)).toBe(content);
});

test("every check, trick, key document and mode has its row", () => {
  const rows = [...committed("spec/validate.md").matchAll(/^- `([\w.-]+)`: /gm)].map(([, id]) => id);
  expect(rows).toEqual([...MERCHANT_CHECKS, ...FACILITATOR_CHECKS].map(({ id }) => id));
  const hostile = [...committed("test/hostile/README.md").matchAll(/^- `\/?([\w-]+)`: /gm)].map(([, name]) => name);
  expect(hostile).toEqual([...TRICK_NAMES, ...DOCUMENT_NAMES, ...MODE_NAMES]);
});
