/** A strict reader of Prometheus' text format 0.0.4. */

export interface Metric {
  type: string;
  /** Value by labels, as in `shard="0"`. */
  samples: Record<string, number>;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"`;
const SAMPLE = new RegExp(String.raw`^(${NAME})(?:\{(${LABEL}(?:,${LABEL})*)?,?\})? (\S+)(?: -?\d+)?$`);
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]?Inf)$/;
const TYPES = ["counter", "gauge", "histogram", "summary", "untyped"];

/** @throws for what a scraper would refuse or misread */
export function readMetrics(text: string): Record<string, Metric> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const metrics = new Map<string, Metric>();
  let open = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, typed, type = ""] = new RegExp(`^# TYPE (${NAME}) (\\w+)$`).exec(line) ?? [];
    if (typed !== undefined) {
      if (metrics.has(typed) || !TYPES.includes(type)) throw new Error(`a second or a strange type: ${line}`);
      if ((type === "counter") !== typed.endsWith("_total")) throw new Error(`counters, and only they, end with _total: ${line}`);
      metrics.set(typed, { type, samples: {} });
      open = typed;
      continue;
    }
    const [, name, labels = "", value = ""] = SAMPLE.exec(line) ?? [];
    const metric = name === open ? metrics.get(open) : undefined;
    if (!metric || !VALUE.test(value)) throw new Error(`no sample of ${open}: ${line}`);
    if (labels in metric.samples) throw new Error(`the same sample twice: ${line}`);
    metric.samples[labels] = Number(value);
  }
  return Object.fromEntries(metrics);
}
