/**
 * Writes the dumps of this folder with the code of version 0.1, from a checkout of it:
 *
 *     git worktree add ../v01 274adc8 && (cd ../v01 && npm ci)
 *     npx node test/vectors/ledger-0.1/generate.mjs ../v01
 */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const checkout = resolve(process.argv[2] ?? "");
const load = (file) => import(pathToFileURL(join(checkout, file)).href);
const { LedgerRules } = await load("shared/ledger/rules.ts");
const { deliver } = await load("shared/ledger/delivery.ts");
const { memoryStore } = await load("agent-cli/demo/memory-store.ts");
const { ALICE, BOB, CAROL, DAVE, idOf, LEDGER, LEDGER_OF_FOUR, paymentOf } = await load("shared/ledger/ledger.fixtures.ts");

/** 2033-05-18T03:33:20Z: the dumps are of this second. */
const NOW = 2_000_000_000;
const DAY = 24 * 3600;
const SUPPLY = 1_000_000n;
const ID = { live: idOf(0x11), reclaimable: idOf(0x12), expired: idOf(0x13), captured: idOf(0x14), settled: idOf(0x15) };
/** Of four shards, Alice and Dave live on 3, Bob on 1, Carol on 2. */
const PAYER_SHARD = 3;

const payment = (nonce, payee, value, at, validBefore = at + 900) =>
  paymentOf({ payer: ALICE, nonce: idOf(nonce), payee, value: String(value), validAfter: at, validBefore });
const PAYMENTS = {
  live: payment(0x101, BOB, 11, NOW - 10),
  reclaimable: payment(0x102, BOB, 12, NOW - 100),
  expired: payment(0x103, BOB, 13, NOW - 1000, NOW - 500),
  captured: payment(0x104, CAROL, 14, NOW - 90),
  settled: payment(0x105, DAVE, 15, NOW - 90),
  cancelled: payment(0x106, BOB, 16, NOW - 80),
  batched: payment(0x107, CAROL, 17, NOW - 70),
  /** The receiver has applied it; its answer was lost. */
  unacknowledged: payment(0x108, BOB, 18, NOW - 60),
  undelivered: payment(0x109, BOB, 19, NOW - 50),
};

writeFileSync(join(import.meta.dirname, "payments.json"), `${JSON.stringify({ now: NOW, ids: ID, payments: PAYMENTS }, undefined, 2)}\n`);
await write("1-shard", 1);
await write("4-shards", 4);

async function write(name, shards) {
  const ledger = shards === 1 ? LEDGER : LEDGER_OF_FOUR;
  const open = (store, shard) => new LedgerRules(store, { ledger, supply: SUPPLY, at: NOW - 41 * DAY, place: { shard, shards } });
  const stores = Array.from({ length: shards }, () => memoryStore());
  const rules = stores.map(open);
  const payer = rules.at(shards === 1 ? 0 : PAYER_SHARD);
  const bring = async (from, to, at) => shards > 1 && deliver(rules[from], to, async (batch) => rules[to].receive(batch, at));
  const ok = (answer) => {
    if (!answer.ok) throw new Error(`${name}: ${JSON.stringify(answer)}`);
  };

  // Alice is given money, pays Dave three times, and exports her chain up to there. Then the journal is old, and pruned.
  const past = NOW - 40 * DAY;
  ok(rules[0].fund(ALICE, "10000", idOf(1), past));
  await bring(0, PAYER_SHARD, past);
  for (const nonce of [1, 2, 3]) ok(payer.settle(payment(nonce, DAVE, 1, past), idOf(2), past));
  payer.checkpoint(ALICE, 3, payer.journal(ALICE, 2, 1)[0].hash, past);
  for (let i = 0; i < 5; i++) payer.tidy(NOW - 9 * DAY + i);

  const hold = (reservationId, seconds) => ({ reservationId, fingerprint: idOf(0xf), seconds });
  const { live, reclaimable, expired, captured, settled, cancelled, batched, unacknowledged, undelivered } = PAYMENTS;
  ok(payer.reserve(expired, hold(ID.expired, 60), NOW - 1000));
  ok(payer.reserve(reclaimable, hold(ID.reclaimable, 60), NOW - 100));
  ok(payer.reserve(captured, hold(ID.captured, 60), NOW - 90));
  ok(payer.capture({ payer: ALICE, nonce: captured.nonce, reservationId: ID.captured }, NOW - 85));
  ok(payer.settle(settled, ID.settled, NOW - 90));
  ok(payer.cancel(ALICE, cancelled.nonce, NOW - 80));
  const setBack = dump(payerStore());
  ok(payer.settle(batched, ID.settled, NOW - 70));
  await bring(PAYER_SHARD, 2, NOW - 70);
  ok(payer.settle(unacknowledged, ID.settled, NOW - 60));
  if (shards > 1) ok(rules[1].receive(payer.nextBatch(1), NOW - 60));
  ok(payer.settle(undelivered, ID.settled, NOW - 50));
  ok(payer.reserve(live, hold(ID.live, 300), NOW - 10));
  // Dave's chain is exported, and young.
  payer.checkpoint(DAVE, 4, payer.journal(DAVE, 3, 1)[0].hash, NOW - 5);

  for (const [shard, store] of stores.entries()) save(shards === 1 ? name : `${name}-${shard}`, dump(store));
  if (shards > 1) save(`${name}-${PAYER_SHARD}-halted`, await halted());

  function payerStore() {
    return stores.at(shards === 1 ? 0 : PAYER_SHARD);
  }

  /** The payer's shard after it was set back: it sends what it sent before under other numbers, and hears so. */
  async function halted() {
    const store = memoryStore();
    for (const statement of setBack) store.sql(statement);
    const forgetful = open(store, PAYER_SHARD);
    await deliver(forgetful, 2, async (batch) => rules[2].receive(batch, NOW - 20));
    if (forgetful.halted === undefined) throw new Error("the shard has not halted");
    return dump(store);
  }
}

/** The statements that make the database again. */
function dump(store) {
  const objects = store.sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name");
  const rows = objects
    .filter(({ type }) => type === "table")
    .flatMap(({ name }) =>
      store.sql(`SELECT * FROM ${name}`).map((row) => `INSERT INTO ${name} VALUES (${Object.values(row).map(literal).join(", ")})`),
    );
  return [...objects.map(({ sql }) => sql), ...rows];
}

function literal(value) {
  if (value === null) return "NULL";
  return typeof value === "number" ? String(value) : `'${value.replaceAll("'", "''")}'`;
}

function save(name, statements) {
  writeFileSync(join(import.meta.dirname, `${name}.sql`), statements.map((statement) => `${statement};\n`).join(""));
}
