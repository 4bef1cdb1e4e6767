/** What a facilitator's operator is told: the alerts in the Workers' logs. */

import * as z from "zod";
import { parseJson } from "../../../shared/text/json.ts";
import { MAX_AUDIT_LINE_BYTES } from "../../runtime/limits.ts";

const alertSchema = z.looseObject({ event: z.literal("native.alert"), alert: z.string(), transaction: z.string() });

export class OperatorLog {
  readonly #alerts: { alert: string; transaction: string }[] = [];

  /** @param line one of a Worker's log */
  read(line: string): void {
    const alert = parseJson(line, MAX_AUDIT_LINE_BYTES, alertSchema);
    if (alert.ok) this.#alerts.push(alert.value);
  }

  /** The alerts about a transaction, in their order. */
  about(transaction: string): string[] {
    return this.#alerts.filter((alert) => alert.transaction === transaction).map(({ alert }) => alert);
  }
}
