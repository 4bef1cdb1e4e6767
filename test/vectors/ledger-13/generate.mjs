/**
 * Writes the dump of this folder with the code of schema 13, the last one without sessions, from a checkout of it:
 *
 *     git worktree add ../v13 b491707 && (cd ../v13 && npm ci)
 *     npx node test/vectors/ledger-13/generate.mjs ../v13
 */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const checkout = resolve(process.argv[2] ?? "");
const load = (file) => import(pathToFileURL(join(checkout, file)).href);
const { memoryStore } = await load("agent-cli/demo/memory-store.ts");
const { ALICE, BOB, FIRST, give, idOf, openLedger, paymentOf, reservationOf, reserveOf, SECOND, settleOf, START } = await load(
  "shared/ledger/testing/ledger.ts",
);
const { under } = await load("shared/ledger/testing/mandate-table.ts");
const { refundOf } = await load("shared/ledger/testing/refund-table.ts");

const ok = (answer) => {
  if (!answer.ok) throw new Error(JSON.stringify(answer));
};

// Alice has 250: she pays 100, of which Bob gives 40 back, holds 30, pays 20 and holds 10 under a mandate, and revokes two nonces.
const store = memoryStore();
const rules = openLedger(store);
ok(rules.settle(settleOf(paymentOf(), FIRST), START));
ok(rules.refund(refundOf({ entry: 1 }), START));
ok(rules.reserve(reserveOf(paymentOf({ nonce: idOf(0x21), value: "30" }), SECOND, 300), START));
ok(rules.settle(settleOf(under(20, { nonce: idOf(0x22) }), FIRST), START));
ok(rules.reserve(reserveOf(under(10, { nonce: idOf(0x23) }), SECOND, 300), START));
for (const nonce of [0x24, 0x25]) ok(rules.cancel(ALICE, idOf(nonce), START));
const metered = paymentOf({ payer: BOB, payee: ALICE, nonce: idOf(0x26), value: "9", scheme: "upto" });
give(rules, BOB, 50n);
ok(rules.reserve(reserveOf(metered, FIRST), START));
ok(rules.capture({ ...reservationOf(metered, FIRST), value: "4" }, START));
if (!rules.audit().ok) throw new Error(rules.audit().problems.join());

const objects = store.sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name");
const rows = objects
  .filter(({ type }) => type === "table")
  .flatMap(({ name }) =>
    store.sql(`SELECT * FROM ${name}`).map((row) => `INSERT INTO ${name} VALUES (${Object.values(row).map(literal).join(", ")})`),
  );
const statements = [...objects.map(({ sql }) => sql), ...rows];
writeFileSync(join(import.meta.dirname, "1-shard.sql"), statements.map((statement) => `${statement};\n`).join(""));

function literal(value) {
  if (value === null) return "NULL";
  return typeof value === "number" ? String(value) : `'${value.replaceAll("'", "''")}'`;
}
