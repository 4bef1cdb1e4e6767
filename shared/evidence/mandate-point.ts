/** Points of a report about a mandate: the facilitator's own checks, of a payment or of a session. */

import { skipped, wrong } from "../checklist/check.ts";
import type { MandateCheck } from "../exact/mandate-checks.ts";
import type { PointCheck } from "./check.ts";

/** What an agent signed under a mandate, as the checks of a file see it. */
interface Mandated<Subject> {
  mandated: Subject | undefined;
}

type MandatePoint<Subject> = PointCheck<Mandated<Subject>, never> & { signer: "agent" };

/**
 * The check of this id as a point. Where it stands in a report: who signed comes first, so that a changed byte accuses its own member.
 * @throws {TypeError} if there is no check of this id
 */
export function mandatePoint<Subject>(
  checks: readonly MandateCheck<Subject>[],
  id: string,
  about: string,
  after: readonly string[],
): MandatePoint<Subject> {
  const check = checks.find((candidate) => candidate.id === id);
  if (!check) throw new TypeError(`no check of mandates is called ${id}`);
  return {
    id,
    title: check.title,
    about,
    after,
    signer: "agent",
    judge: ({ mandated }) => (mandated ? check.judge(mandated) : skipped("there is no mandate in this file", "depends")),
  };
}

/** A payment or a session in a file, and the member of it that the agent signed. */
interface Order<Context> {
  member: "payment" | "session";
  signs: string;
  hasMandate: (context: Context) => boolean;
  isIntact: (context: Context) => Promise<boolean>;
}

/** The first of these points. If what the agent signed is unchanged, the mandate was changed, taken away or put in. */
export function namedPoint<Subject, Context extends Mandated<Subject>>(
  checks: readonly MandateCheck<Subject>[],
  { member, signs, hasMandate, isIntact }: Order<Context>,
) {
  const named = mandatePoint(checks, "mandate.named", `${member}.mandate`, []);
  return {
    ...named,
    async judge(context: Context) {
      const found = await named.judge(context);
      if (found.is === "right") return found;
      return wrong(
        hasMandate(context) ? `the ${member} does not name this mandate` : `the mandate that the ${member} names is not in this file`,
        (await isIntact(context)) ? `${member}.mandate` : `${member}.${signs}.mandate`,
      );
    },
  };
}
