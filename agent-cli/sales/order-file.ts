/** A seller's own orders, from a CSV or JSON lines: what was paid, by payment. */

import * as z from "zod";
import { isAmount, parseAmount } from "../../shared/protocol/amount.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { csvRows } from "../../shared/text/csv.ts";
import { parseJson } from "../../shared/text/json.ts";
import { readBytes } from "../runtime/files.ts";
import { MAX_ORDER_FILE_BYTES } from "../runtime/limits.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";

export interface Order {
  /** Of the file. */
  line: number;
  /** A transaction, which is `payment.id` of a handler, or the buyer's payment identifier. */
  id: string;
  /** Atomic units. */
  amount: bigint;
}

/** The names of columns and members, the first that has a value wins. `LGO` is decimal, the others take atomic units or `1.5LGO`. */
const IDS = ["transaction", "payment", "payment_id", "paymentid", "id"];
const AMOUNTS = ["units", "amount", "lgo"];
const HINT = `The file is a CSV with a header, or JSON lines. Ids: ${IDS.join(", ")}. Amounts: units, amount, LGO.`;

const lineSchema = z.record(z.string(), z.unknown());

/** Rows of `sales export` that are no sale are left out. */
export function readOrders(file: string): Outcome<Order[]> {
  const bytes = readBytes(file, { what: "order file", maxBytes: MAX_ORDER_FILE_BYTES, named: true });
  if (!bytes.ok) return bytes;
  const text = Buffer.from(bytes.data).toString("utf8");
  return /^\uFEFF?\s*\{/.test(text) ? ordersOf(file, jsonLines(text)) : ordersOf(file, table(text));
}

type Fields = { line: number; fields: ReadonlyMap<string, string> } | { line: number; problem: string };

function ordersOf(file: string, lines: Iterable<Fields>): Outcome<Order[]> {
  const orders: Order[] = [];
  for (const found of lines) {
    if ("problem" in found) return wrong(file, found.line, found.problem);
    const { line, fields } = found;
    const first = (names: readonly string[]) =>
      names.map((name) => [name, fields.get(name) ?? ""] as const).find(([, value]) => value !== "");
    const kind = fields.get("kind");
    if (kind !== undefined && kind !== "sale") continue;
    const [, id] = first(IDS) ?? [];
    // `sales export` has lines for sums of several payments, which name none.
    if (id === undefined && Number(fields.get("payments")) > 1) continue;
    if (id === undefined) return wrong(file, line, "it names no payment");
    const [name, written] = first(AMOUNTS) ?? [];
    if (written === undefined) return wrong(file, line, "it has no amount");
    const amount = parseAmount(name === "lgo" && !/lgo$/i.test(written) ? `${written}LGO` : written);
    if (!isAmount(amount)) return wrong(file, line, `${quote(written)} is no amount`);
    orders.push({ line, id, amount: BigInt(amount) });
  }
  return succeed(orders);
}

function wrong(file: string, line: number, problem: string): Failure {
  return fail("invalid_file", `${quote(file)}, line ${line}: ${problem}.`, { hint: HINT });
}

function* table(text: string): Generator<Fields> {
  let header: string[] | undefined;
  let last = 0;
  for (const row of csvRows(text)) {
    if (!row) {
      yield { line: last + 1, problem: "it is no row of a CSV (RFC 4180)" };
      return;
    }
    const { line, cells } = row;
    last = line;
    if (!header) {
      header = cells.map((cell) => cell.trim().toLowerCase());
      if (!IDS.some((id) => header?.includes(id)) || !AMOUNTS.some((amount) => header?.includes(amount)))
        yield { line, problem: "the header names no id or no amount" };
    } else if (cells.length !== header.length) yield { line, problem: `it has ${cells.length} cells, the header has ${header.length}` };
    else yield { line, fields: new Map(header.map((name, i) => [name, (cells[i] ?? "").trim()])) };
  }
}

function* jsonLines(text: string): Generator<Fields> {
  let line = 0;
  for (const json of text.split("\n")) {
    line++;
    if (json.trim() === "") continue;
    const parsed = parseJson(Buffer.from(json), MAX_ORDER_FILE_BYTES, lineSchema);
    if (!parsed.ok) yield { line, problem: parsed.problem };
    else yield { line, fields: new Map(Object.entries(parsed.value).map(([name, value]) => [name.toLowerCase(), textOf(value)])) };
  }
}

/** Money as commands write it has its atomic units in `amount`. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : "not a whole number";
  const { amount } = (value ?? {}) as { amount?: unknown };
  return typeof amount === "string" ? amount : "";
}
