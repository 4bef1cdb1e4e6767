import { expect, test } from "vitest";
import { type Check, doubtful, judgeAll, right, skipped, wrong } from "./check.ts";

type Named = Check<{ asked: string[] }>;

const check = (id: string, finding: ReturnType<typeof right>, more: Partial<Named> = {}): Named => ({
  id,
  title: id,
  judge({ asked }) {
    asked.push(id);
    return finding;
  },
  ...more,
});

async function verdicts(checks: Named[], skip: (judged: Named) => ReturnType<typeof right> | undefined = () => undefined) {
  const subject = { asked: [] as string[] };
  const judged = await judgeAll(checks, subject, "open", skip);
  return { asked: subject.asked, verdicts: judged.map(({ check: { id }, verdict }) => [id, verdict]), judged };
}

test("a finding becomes a verdict; a wrong one weighs what its check says", async () => {
  const checks = [
    check("a", right("")),
    check("b", doubtful("")),
    check("c", wrong("")),
    check("d", wrong(""), { severity: "warn" }),
    check("e", skipped("")),
  ];
  expect((await verdicts(checks)).verdicts).toEqual([
    ["a", "pass"],
    ["b", "warn"],
    ["c", "fail"],
    ["d", "warn"],
    ["e", "open"],
  ]);
});

test("a check is not asked after one that it depends on failed; a warning does not count", async () => {
  const checks = [
    check("failed", wrong("")),
    check("warned", wrong(""), { severity: "warn" }),
    check("depends", right(""), { after: ["failed"] }),
    check("goes on", right(""), { after: ["warned", "unknown"] }),
  ];
  const { asked, judged } = await verdicts(checks);
  expect(asked).toEqual(["failed", "warned", "goes on"]);
  expect(judged[2]).toMatchObject({ verdict: "open", saw: "failed does not hold", because: "depends" });
});

test("a check without a subject is not asked, and says so rather than blame another", async () => {
  const checks = [check("failed", wrong("", "somewhere")), check("absent", right(""), { after: ["failed"] })];
  const { asked, judged } = await verdicts(checks, ({ id }) => (id === "absent" ? skipped("not there", "absent") : undefined));
  expect(asked).toEqual(["failed"]);
  expect(judged[0]).toMatchObject({ about: "somewhere" });
  expect(judged[1]).toMatchObject({ saw: "not there", because: "absent" });
});
