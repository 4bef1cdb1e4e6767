/** Two plots of the history: a column per day, and a bar per merchant. Each part is a button that filters by it. */

import type { History } from "../../../shared/desk/api.ts";
import { widthOf } from "../../../shared/screen/bar.ts";
import { Foreign } from "./parts.tsx";

const DAY_MILLIS = 86_400_000;
/** More days are drawn as weeks or months would be: too thin. */
const MAX_COLUMNS = 92;
const MAX_MERCHANTS = 8;

interface PerDayProps {
  data: History;
  day: string | undefined;
  choose: (day: string | undefined) => void;
}

export function PerDay({ data, day, choose }: PerDayProps) {
  const paid = new Map(data.days.map((one) => [one.name, one]));
  const days = daysBetween(data.since, data.today).slice(-MAX_COLUMNS);
  const most = data.days.reduce((most, one) => (BigInt(one.paid.amount) > most ? BigInt(one.paid.amount) : most), 0n);
  const top = data.days.find((one) => BigInt(one.paid.amount) === most);
  return (
    <section class="plot" aria-labelledby="per-day">
      <h2 id="per-day">Per day</h2>
      <p class="quiet small">{top ? `at most ${top.paid.display}, on ${top.name}` : "nothing"}</p>
      <div class="columns">
        {days.map((name) => {
          const one = paid.get(name);
          const height = widthOf(BigInt(one?.paid.amount ?? "0"), most);
          const label = `${name}: ${one ? `${one.paid.display} in ${one.payments}` : "nothing"}`;
          const column = (
            <svg viewBox="0 0 10 100" preserveAspectRatio="none" aria-hidden="true">
              <rect class="base" x="0" y="99" width="10" height="1" />
              <rect x="0" y={100 - height} width="10" height={height} />
            </svg>
          );
          return one ? (
            <button
              key={name}
              type="button"
              class="column"
              title={label}
              aria-label={label}
              aria-pressed={day === name}
              onClick={() => choose(day === name ? undefined : name)}
            >
              {column}
            </button>
          ) : (
            <span key={name} class="column">
              {column}
            </span>
          );
        })}
      </div>
      <p class="line quiet small">
        <span>{days[0]}</span>
        <span>{days.at(-1)}</span>
      </p>
    </section>
  );
}

/** All days in UTC from one to the other. */
function daysBetween(since: string, until: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(since); at <= Date.parse(until); at += DAY_MILLIS) days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

interface PerMerchantProps {
  data: History;
  merchant: string | undefined;
  choose: (merchant: string | undefined) => void;
}

export function PerMerchant({ data, merchant, choose }: PerMerchantProps) {
  const { lines, more } = data.merchants;
  const shown = lines.slice(0, MAX_MERCHANTS);
  const left = lines.length - shown.length + more;
  const most = BigInt(lines[0]?.paid.amount ?? "0");
  return (
    <section class="plot" aria-labelledby="per-merchant">
      <h2 id="per-merchant">Per merchant</h2>
      <ul class="ranks">
        {shown.map(({ name, paid, payments }) => (
          <li key={name}>
            <button
              type="button"
              class="rank"
              aria-pressed={merchant === name}
              onClick={() => choose(merchant === name ? undefined : name)}
            >
              <span class="line">
                <span class="name">
                  <Foreign text={name || "unknown"} />
                </span>
                <span>
                  {paid.display}
                  <span class="visually-hidden"> in {payments}</span>
                </span>
              </span>
              <svg viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true">
                <rect class="track" width="100" height="3" />
                <rect width={widthOf(BigInt(paid.amount), most)} height="3" />
              </svg>
            </button>
          </li>
        ))}
      </ul>
      {left > 0 && <p class="quiet small">and {left} more</p>}
    </section>
  );
}
