/** Each trick of the hostile merchant, and each mode of the hostile facilitator, is named by the check that is there for it. */

import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { sandbox } from "../../agent-cli/testing/cli.ts";
import { FACILITATOR_CHECKS, MERCHANT_CHECKS } from "../../agent-cli/validate/checks.ts";
import { MODE_NAMES, MODES, startHostileFacilitator } from "../hostile/facilitator.ts";
import { startHostileMerchant } from "../hostile/merchant.ts";
import { type Trick, TRICK_NAMES, type TrickName, TRICKS } from "../hostile/tricks.ts";
import { listen } from "../interop/official.ts";
import { HOSTILE_CHARACTERS } from "../spellings.ts";
import { useStack } from "../stack/stack.ts";
import { validation } from "./validation.ts";

const merchant = await startHostileMerchant();
const world = useStack();
const facilitator = await startHostileFacilitator(() => world.stack.facilitator);
const box = sandbox();
afterAll(() => Promise.all([merchant.stop(), facilitator.stop()]));
beforeEach(() => merchant.reset());

/** The strict and active report on a trick; those that wait for silence are made once. */
const reports = new Map<TrickName, ReturnType<typeof validation>>();
function reportOn(name: TrickName) {
  const report = reports.get(name) ?? validation(box, merchant.at(name), "--active", "--strict", "--timeout", "1");
  reports.set(name, report);
  return report;
}

describe("of the hostile merchant", () => {
  test.each(TRICK_NAMES)("%s", async (name) => {
    const { caughtBy }: Trick = TRICKS[name];
    const { exit, wrong, ids } = await reportOn(name);
    if (caughtBy === undefined) expect(ids).toContain("challenge.status");
    else expect(wrong.map(({ id }) => id)).toContain(caughtBy);
    expect(exit).toBe(EXIT.differs); // none of these answers CORS
  });

  test("none of these checks finds anything where there is no trick", async () => {
    const { wrong } = await reportOn("always-402");
    const tricks: Trick[] = Object.values(TRICKS);
    expect(wrong.filter(({ id }) => tricks.some(({ caughtBy }) => caughtBy === id))).toEqual([]);
  });

  test("what is sent in place of a payment goes to the URL that was named, and nowhere else", async () => {
    for (const name of ["redirect-302", "redirect-307", "redirect-308", "redirect-elsewhere"] as const) {
      await validation(box, merchant.at(name), "--active");
    }
    expect(merchant.seen.filter(({ payment }) => payment !== undefined).length).toBeGreaterThan(40);
    expect(merchant.seen.filter(({ at, path }) => at === "elsewhere" || path === "/landing")).toEqual([]);
  });

  test("without --active nothing is sent in place of a payment, and HEAD, OPTIONS and GET are all that is asked", async () => {
    await validation(box, merchant.at("honest"));
    expect(merchant.seen.filter(({ payment }) => payment !== undefined)).toEqual([]);
    expect(new Set(merchant.seen.map(({ method }) => method))).toEqual(new Set(["GET", "HEAD", "OPTIONS"]));
  });

  test("a merchant that keeps silent is given up on after two requests", async () => {
    const { checks } = await reportOn("hangs");
    expect(checks["payment.answered"]?.saw.match(/no answer within 1 s/g)).toHaveLength(2);
    expect(checks["payment.unsigned-refused"]?.verdict).toBe("skipped");
  });

  test("of one that never answers nothing is said to be right", async () => {
    const { report } = await reportOn("silent");
    expect(report).toMatchObject({ passed: 0, failed: 1 });
  });

  test("a request that is no GET and not priced is made once", async () => {
    const { report } = await validation(box, merchant.at("free"), "--active", "-X", "POST");
    expect(merchant.seen).toHaveLength(1);
    expect(report.failed).toBeGreaterThan(0);
  });

  test("its text reaches neither the terminal nor the data as it is", async () => {
    const words = ["validate", merchant.at("hostile-text"), "--strict"];
    const shown = (await box.run(words, { terminal: true })).stdout;
    // oxlint-disable-next-line no-control-regex
    const uncoloured = shown.replaceAll(/\u001b\[\d+m/g, "").replaceAll("\n", "");
    expect(uncoloured).toContain("terms.text");
    for (const [what, char] of HOSTILE_CHARACTERS) expect([what, uncoloured.includes(char)]).toEqual([what, false]);
    const saw = JSON.stringify((await validation(box, ...words.slice(1))).checks["terms.text"]);
    for (const [what, char] of HOSTILE_CHARACTERS) expect([what, saw.includes(char)]).toEqual([what, false]);
  });
});

describe("of the hostile facilitator", () => {
  test.each(MODE_NAMES.filter((mode) => mode !== "honest"))("%s", async (mode) => {
    const { caughtBy } = MODES[mode];
    const spoiled = (["/supported", "/verify", "/settle"] as const).find((path) => caughtBy.startsWith(path.slice(1)));
    facilitator.misbehave(mode, spoiled);
    const { exit, wrong } = await validation(box, "--facilitator", facilitator.url, "--active", "--strict", "--timeout", "1");
    expect(wrong.map(({ id }) => id)).toContain(caughtBy);
    expect(exit).toBe(EXIT.differs);
  });

  test("of one that never answers nothing is said to be right", async () => {
    facilitator.misbehave("reset");
    const { report } = await validation(box, "--facilitator", facilitator.url, "--active");
    expect(report).toMatchObject({ passed: 0, failed: 2 });
  });

  test("headers of the caller go along, for facilitators with keys", async () => {
    const headers: (string | null)[] = [];
    const url = await listen((request) => (headers.push(request.headers.get("authorization")), new Response("{}", { status: 401 })));
    await validation(box, "--facilitator", url, "-H", "Authorization: Bearer key");
    expect(new Set(headers)).toEqual(new Set(["Bearer key"]));
  });

  test("/settle is asked with --active only", async () => {
    facilitator.misbehave("honest");
    const before = facilitator.calls["/settle"] ?? 0;
    const { checks } = await validation(box, "--facilitator", facilitator.url);
    expect(facilitator.calls["/settle"] ?? 0).toBe(before);
    expect(checks["settle.shape"]?.verdict).toBe("skipped");
  });
});

test("every trick and mode is caught by a check that exists", () => {
  const ids = [...MERCHANT_CHECKS, ...FACILITATOR_CHECKS].map(({ id }) => id);
  for (const entry of [...Object.values(TRICKS), ...Object.values(MODES)]) if ("caughtBy" in entry) expect(ids).toContain(entry.caughtBy);
  expect(new Set(ids).size).toBe(ids.length);
});
