/**
 * Writes the dump of this folder with the code of schema 14, the last one that did not keep signed claims, from a checkout of it:
 *
 *     git worktree add ../v14 ce1f629 && (cd ../v14 && npm ci)
 *     npx node test/vectors/ledger-14/generate.mjs ../v14
 */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const checkout = resolve(process.argv[2] ?? "");
const load = (file) => import(pathToFileURL(join(checkout, file)).href);
const { memoryStore } = await load("agent-cli/demo/memory-store.ts");
const { idOf, START } = await load("shared/ledger/testing/ledger.ts");
const { claimOf, SESSION, sessionOf, Stall } = await load("shared/ledger/testing/session-table.ts");

const ok = (answer) => {
  if (!answer.ok) throw new Error(JSON.stringify(answer));
};

// Alice has 250 and sets 100 aside for Bob, who claims 30 and then 70 of it; and 20 more, of which nothing is claimed.
const stall = new Stall([memoryStore()]);
const { rules, store } = stall;
ok(rules.openSession(SESSION, START));
ok(rules.claimSession(claimOf({ 0: 30 }), START + 1));
ok(rules.claimSession(claimOf({ 0: 50, ["1a".repeat(16)]: 20 }), START + 2));
ok(rules.openSession(sessionOf({ nonce: idOf(0xb), deposit: "20" }), START));
if (stall.problems().length > 0) throw new Error(stall.problems().join());

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
