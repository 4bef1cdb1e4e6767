/** What was paid: two plots, a list, filters of both, and the audit log as a file. */

import { useState } from "preact/hooks";
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type History as HistoryData,
  type HistoryFilter,
  type HistoryPayment,
} from "../../../shared/desk/api.ts";
import { displayAmount } from "../../../shared/protocol/amount.ts";
import { showUnsafe } from "../../../shared/screen/escapes.ts";
import { isNativeNetwork } from "../../../shared/settlement/native.ts";
import type { Client, Problem } from "./client.ts";
import { Empty, Foreign, Heading, Loading, saveFile, Time, Trouble } from "./parts.tsx";
import { PerDay, PerMerchant } from "./plots.tsx";
import { useCall } from "./use-call.ts";

const PERIODS = [7, 30, 90, 365] as const;
const FRESH_HISTORY_MILLIS = 10_000;

export function History({ client }: { client: Client }) {
  const [filter, setFilter] = useState<HistoryFilter>({ days: 30 });
  const { data, problem, reload } = useCall(client, "history", filter, FRESH_HISTORY_MILLIS);
  // While a filter is applied, the page stays as it is.
  const [last, setLast] = useState<HistoryData | undefined>();
  if (data && data !== last) setLast(data);
  const shown = data ?? last;
  return (
    <>
      <div class="head">
        <Heading>History</Heading>
      </div>
      {problem && <Trouble problem={problem} again={reload} />}
      {!shown && !problem && <Loading />}
      {shown && (
        <>
          <Filters filter={filter} setFilter={setFilter} data={shown} />
          <Numbers data={shown} />
        </>
      )}
      {shown && shown.list.length === 0 && !shown.sessions?.list.length && (
        <Empty title="No payments">
          {isNarrowed(filter) ? "Nothing was paid that fits these filters." : "What agents pay appears here."}
        </Empty>
      )}
      {shown && shown.payments > 0 && (
        <div class="plots">
          <PerDay data={shown} day={filter.day} choose={(day) => setFilter({ ...filter, day })} />
          <PerMerchant data={shown} merchant={filter.merchant} choose={(merchant) => setFilter({ ...filter, merchant })} />
        </div>
      )}
      {shown && shown.list.length > 0 && <Payments list={shown.list} more={shown.more} />}
      {shown?.sessions && shown.sessions.list.length > 0 && <Sessions {...shown.sessions} />}
      <Exports client={client} />
    </>
  );
}

function isNarrowed({ agent, merchant, day }: HistoryFilter): boolean {
  return agent !== undefined || merchant !== undefined || day !== undefined;
}

interface FiltersProps {
  filter: HistoryFilter;
  setFilter: (filter: HistoryFilter) => void;
  data: HistoryData;
}

function Filters({ filter, setFilter, data: { known } }: FiltersProps) {
  return (
    <div class="filters" role="search" aria-label="Filter payments">
      <Choice
        label="Period"
        value={String(filter.days)}
        options={PERIODS.map((days) => [String(days), `${days} days`])}
        choose={(value) => setFilter({ ...filter, days: Number(value ?? 30) })}
      />
      <Choice
        label="Agent"
        value={filter.agent}
        any="All agents"
        options={known.agents.map((name) => [name, name])}
        choose={(agent) => setFilter({ ...filter, agent })}
      />
      <Choice
        label="Merchant"
        value={filter.merchant}
        any="All merchants"
        options={known.merchants.map((name) => [name, name])}
        choose={(merchant) => setFilter({ ...filter, merchant })}
      />
      <label class="filter">
        <span>Day</span>
        <input
          type="date"
          value={filter.day ?? ""}
          onChange={({ currentTarget: { value } }) => setFilter({ ...filter, day: value === "" ? undefined : value })}
        />
      </label>
      {isNarrowed(filter) && (
        <button type="button" class="plain" onClick={() => setFilter({ days: filter.days })}>
          Show all
        </button>
      )}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string | undefined;
  /** What no choice is called; absent if one is always made. */
  any?: string;
  options: readonly (readonly [value: string, text: string])[];
  choose: (value: string | undefined) => void;
}

function Choice({ label, value, any, options, choose }: ChoiceProps) {
  // An option's text is a text node like any other; its controls are shown as their numbers.
  const listed = value === undefined || options.some(([name]) => name === value) ? options : [...options, [value, value] as const];
  return (
    <label class="filter">
      <span>{label}</span>
      <select value={value ?? ""} onChange={({ currentTarget }) => choose(currentTarget.value === "" ? undefined : currentTarget.value)}>
        {any !== undefined && <option value="">{any}</option>}
        {listed.map(([name, text]) => (
          <option key={name} value={name}>
            {short(text)}
          </option>
        ))}
      </select>
    </label>
  );
}

const MAX_OPTION_LENGTH = 40;

function short(text: string): string {
  const characters = Array.from(showUnsafe(text));
  return characters.length > MAX_OPTION_LENGTH ? `${characters.slice(0, MAX_OPTION_LENGTH).join("")}…` : characters.join("");
}

function Numbers({ data }: { data: HistoryData }) {
  const { total, payments, refunded, since, chains = [] } = data;
  return (
    <p class="numbers" role="status">
      <b class="figure">{total.display}</b>
      <span class="quiet">
        in {payments} {payments === 1 ? "payment" : "payments"} since <time dateTime={since}>{since}</time>
        {refunded.amount !== "0" && `; ${refunded.display} of it came back`}
        {chains.map(({ name, payments, paid }) => `; beside it ${paid.display} in ${payments} on ${name} itself, which is other money`)}
      </span>
    </p>
  );
}

function Payments({ list, more }: { list: readonly HistoryPayment[]; more: number }) {
  return (
    <section aria-labelledby="payments">
      <h2 id="payments">Payments</h2>
      <ul class="rows">
        {list.map((payment) => (
          <li key={payment.transaction} class="row">
            <span class="what">
              <span class="amount">{displayAmount(payment.amount)}</span>
              <span class="host">
                {isNativeNetwork(payment.network ?? "") && `on ${payment.network} `}to{" "}
                <Foreign text={payment.merchant || "an unknown merchant"} />
              </span>
              <span class="reason quiet">
                <Foreign text={payment.reason || `${payment.method} ${payment.url}`} />
              </span>
            </span>
            <span class="when">
              <span>
                <Time at={payment.at} />
              </span>
              <span class="quiet agent">
                <Foreign text={payment.agent || "unknown agent"} />
              </span>
              {payment.mandate !== "" ? (
                <span class="pill">allowance {payment.mandate}</span>
              ) : (
                payment.request !== "" && (
                  <span class="code" translate={false}>
                    {payment.request}
                  </span>
                )
              )}
            </span>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="quiet">And {more} older ones. Filter them, or export all.</p>}
    </section>
  );
}

/** Calls that sessions paid: the ledger moves their money by claims, so they are in none of the sums above. */
function Sessions({ total, list, more }: NonNullable<HistoryData["sessions"]>) {
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">In sessions, beside that: {total.display}</h2>
      <ul class="rows">
        {list.map(({ session, charged, calls, merchant, reason, at, agent }) => (
          <li key={session} class="row">
            <span class="what">
              <span class="amount">{displayAmount(charged)}</span>
              <span class="host">
                in {calls} {calls === 1 ? "call" : "calls"} to <Foreign text={merchant} />
              </span>
              {reason !== "" && (
                <span class="reason quiet">
                  <Foreign text={reason} />
                </span>
              )}
            </span>
            <span class="when">
              <span>
                <Time at={at} />
              </span>
              <span class="quiet agent">
                <Foreign text={agent} />
              </span>
              <span class="pill">session {session}</span>
            </span>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="quiet">And {more} older ones: lez-agent-pay spending has them all.</p>}
    </section>
  );
}

const EXPORTS: Record<ExportFormat, string> = { payments: "Payments (CSV)", csv: "Audit log (CSV)", jsonl: "Audit log (JSONL)" };

function Exports({ client }: { client: Client }) {
  const [problem, setProblem] = useState<Problem | undefined>();
  const save = async (format: ExportFormat) => {
    const answer = await client.call("export", { format });
    setProblem(answer.ok ? undefined : answer.error);
    if (answer.ok) saveFile(answer.data);
  };
  return (
    <section class="exports" aria-labelledby="files">
      <h2 id="files">As a file</h2>
      {EXPORT_FORMATS.map((format) => (
        <button key={format} type="button" class="plain" onClick={() => void save(format)}>
          {EXPORTS[format]}
        </button>
      ))}
      {problem && <Trouble problem={problem} />}
    </section>
  );
}
