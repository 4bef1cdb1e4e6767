import { expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { migrate } from "../migrations.ts";
import { LEDGER_SCHEMA } from "./schema.ts";

/** To update the file after a new step: `npx vitest run --project node shared/ledger/schema.test.ts -u`. */
test("schema.sql shows the tables that all steps add up to", async () => {
  const store = memoryStore();
  migrate(store, LEDGER_SCHEMA);
  const objects = store.sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC");
  const statements = objects.map(({ sql }) => `${String(sql).replace(/\n {7}/g, "\n")};\n`);
  await expect(
    `-- The ledger's schema ${LEDGER_SCHEMA.at(-1)?.version}. Written by schema.test.ts.\n\n${statements.join("\n")}`,
  ).toMatchFileSnapshot("schema.sql");
});
