/** What every request is shown with before a decision: its sum, its warnings, the words of strangers, its facts. */

import type { ApprovalFacts, Fact } from "../../../shared/screen/facts.ts";
import { Foreign, Heading, Id, TimeLeft } from "./parts.tsx";

/** @param left seconds in which it can be decided */
export function Summary({ facts, confirmed, left }: { facts: ApprovalFacts; confirmed: boolean; left: number }) {
  const [sum, ...others] = facts.decisive;
  const host = others.find(({ label }) => label === "To");
  const account = others.find(({ label }) => label === "Account");
  return (
    <header class="summary">
      <p class="codes">
        <span class="code" translate={false}>
          <span class="visually-hidden">Short code </span>
          {facts.shortCode}
        </span>
        <TimeLeft seconds={left} />
      </p>
      <Heading class="sum">
        <span class="label">{sum?.label}</span> <span class="figure">{sum?.value}</span>
        <span class="payee">
          to <Foreign text={host?.value ?? ""} />
        </span>
      </Heading>
      <p class="to-account">
        <span class="quiet">Account</span> <Id text={account?.value ?? ""} />
      </p>
      <p class={confirmed ? "checked good" : "checked bad"}>
        {confirmed ? "✓ The merchant, asked just now, confirms these terms" : "✗ This host does not confirm these terms"}
      </p>
    </header>
  );
}

export function Warnings({ warnings }: { warnings: readonly string[] }) {
  if (warnings.length === 0) return null;
  return (
    <section class="note warn" aria-labelledby="warnings">
      <h2 id="warnings">Look twice</h2>
      <ul class="list">
        {warnings.map((warning) => (
          <li key={warning}>{warning}</li>
        ))}
      </ul>
    </section>
  );
}

/** Paragraphs of a stranger. They were made safe where they were read. */
export function Said({ title, paragraphs, quote = false }: { title: string; paragraphs: readonly string[]; quote?: boolean }) {
  const id = title.replaceAll(" ", "-").toLowerCase();
  return (
    <section class={quote ? "said first" : "said"} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <blockquote tabIndex={quote ? undefined : 0}>
        {paragraphs.map((paragraph, i) => (
          <p key={i}>
            <bdi class="foreign">{paragraph}</bdi>
          </p>
        ))}
      </blockquote>
    </section>
  );
}

export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {groups(facts).map(({ label, values }, i) => (
        <div key={i}>
          <dt>{label}</dt>
          {values.map(({ value, strong }, j) => (
            <dd key={j} class={strong ? "strong" : ""}>
              <bdi>{value}</bdi>
            </dd>
          ))}
        </div>
      ))}
    </dl>
  );
}

/** A fact without a label goes on with the one above. */
function groups(facts: readonly Fact[]): { label: string; values: Fact[] }[] {
  const groups: { label: string; values: Fact[] }[] = [];
  for (const fact of facts) {
    const last = groups.at(-1);
    if (fact.label === "" && last) last.values.push(fact);
    else groups.push({ label: fact.label, values: [fact] });
  }
  return groups;
}
