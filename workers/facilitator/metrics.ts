/** What the operator watches of the shards, in Prometheus' text format 0.0.4. spec/operation.md says what each metric means. */

import type { ledgerBackend } from "./ledger-backend.ts";

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Watched = Awaited<ReturnType<ReturnType<typeof ledgerBackend>["watch"]>>;
type Sample = [labels: Record<string, string | number>, value: number];

export function metricsText(shards: Watched): string {
  const running = shards.flatMap(({ shard, seconds, watched }) => (watched ? [{ shard, seconds, ...watched }] : []));
  const each = (value: (shard: (typeof running)[number]) => number): Sample[] => running.map((one) => [{ shard: one.shard }, value(one)]);
  return [
    metric(
      "lez_ledger_up",
      "gauge",
      shards.map(({ shard, watched }) => [{ shard }, Number(watched !== undefined)]),
    ),
    metric(
      "lez_ledger_answer_seconds",
      "gauge",
      each(({ seconds }) => seconds),
    ),
    metric(
      "lez_ledger_halted",
      "gauge",
      each(({ halted }) => Number(halted)),
    ),
    metric(
      "lez_ledger_holds",
      "gauge",
      each(({ holds }) => holds),
    ),
    metric(
      "lez_ledger_alarm_late_seconds",
      "gauge",
      each(({ alarmLate }) => alarmLate),
    ),
    metric(
      "lez_ledger_outbox",
      "gauge",
      each(({ outbox }) => outbox),
    ),
    metric(
      "lez_ledger_undelivered_seconds",
      "gauge",
      each(({ undelivered }) => undelivered),
    ),
    metric(
      "lez_ledger_start_time_seconds",
      "gauge",
      each(({ since }) => since),
    ),
    metric(
      "lez_ledger_calls_total",
      "counter",
      running.flatMap(({ shard, calls }) => calls.map(({ operation, code, count }): Sample => [{ shard, operation, code }, count])),
    ),
  ].join("");
}

/** Labels are numbers and words of ours, which need no escapes. */
function metric(name: string, type: "gauge" | "counter", samples: Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, of]) => `${label}="${of}"`);
    return `${name}{${pairs.join(",")}} ${value}\n`;
  });
  return `# TYPE ${name} ${type}\n${lines.join("")}`;
}
