/** Faults in the rules of native payments, one at a time, for the simulation to find. */

import type { SourceMutant } from "../mutated-source.ts";
import type { ZoneMutant } from "./code.ts";

export const ZONE_MUTANTS: readonly ZoneMutant[] = [
  {
    fault: "the funds do not have to cover the highest fee",
    file: "proof",
    find: "return balance >= value + maxFee;",
    replace: "return balance >= value;",
    seed: 4,
  },
  {
    fault: "a payment is known by its id and not by its message hash",
    file: "lane-table",
    find: "function included(row: LaneRow, inclusion: Inclusion): Step {",
    replace:
      "function included(row: LaneRow, inclusion: Inclusion): Step {\n" +
      '  if (row.state !== "none" && inclusion.transaction !== row.payment.transaction) return asItWas(row);',
    seed: 273,
  },
  {
    fault: "the block of the inclusion counts as depth",
    file: "proof",
    find: "return head.id - block.id >= (",
    replace: "return head.id - block.id + 1n >= (",
  },
  {
    fault: "a block is taken for final too early",
    file: "proof",
    find: "return block.id <= final;",
    replace: "return block.id <= final + 1n;",
    seed: 11,
  },
  {
    fault: "a displaced payment is sent again",
    file: "lane-table",
    find: '    case "displaced":\n    case "reverted":\n    case "cancelled":\n    case "void":\n      return now > row',
    replace:
      '    case "displaced":\n      return send(row as never, now);\n    case "reverted":\n    case "cancelled":\n    case "void":\n' +
      "      return now > row",
  },
  {
    fault: "a payment is refused though an earlier send had no answer",
    file: "lane-table",
    find: "if (refused.attempts.refused < refused.attempts.sent) return changed(refused);",
    replace: "",
    seed: 211,
  },
  {
    fault: "a queued payment has a receipt",
    file: "lane-table",
    find: 'return changed({ ...row, state: "sent" });',
    replace:
      'return changed({ ...row, state: "settled", final: false, settledAt: 0, inclusion: { block: row.read!.head, transaction: said.transaction } });',
  },
  {
    fault: "the blocks between the lease and a restart of the watch are not read",
    file: "chain-follower",
    find: "while (chain.floor.id > since) {",
    replace: "while (chain.floor.id > since + 1000n) {",
    seed: 28,
  },
  {
    fault: "bytes leave before their row is durable",
    file: "lane",
    find: 'if (row.state === "none") store.remove(h);',
    replace:
      'for (const { wire } of effects.filter(({ effect }) => effect === "send") as { wire: string }[]) void this.#ports.send(wire);\n' +
      '    if (row.state === "none") store.remove(h);',
  },
  {
    fault: "a read proves though the credit that it saw is gone",
    file: "proof",
    find: "accounts.includes(account)) ?",
    replace: "accounts.length > 99) ?",
    seed: 12,
  },
  {
    fault: "the first block of a chain that was reset meanwhile is not looked at",
    file: "chain-follower",
    find: "if (!(await this.#hasGenesis())) return; // after",
    replace: "// after",
    seed: 1111,
  },
  {
    fault: "a block that does not follow the one below it is applied",
    file: "head-chain",
    find: "if (block.id !== this.head.id + 1n || block.previousHash !== this.head.hash) return false;",
    replace: "if (block.id !== this.head.id + 1n) return false;",
    seed: 2,
  },
  {
    fault: "a payment of a chain that was reset is sent again",
    file: "lane",
    find: 'if (view === "reset") return void this.#apply(h, { event: "reset" });',
    replace: 'if (view === "reset") return;',
    seed: 22,
  },
  {
    fault: "a revoked payment is sent once its block left the chain",
    file: "lane-table",
    find: 'const state = row.revoked ? "cancelled" : "sent";',
    replace: 'const state = "sent";',
    seed: 328,
  },
  {
    fault: "a payment is displaced by a block that is not final",
    file: "lane-table",
    find: "if (scan.used && scan.final)",
    replace: "if (scan.used)",
    seed: 59,
  },
  {
    fault: "every settlement has the receipt",
    file: "lane-table",
    find: "if (row.collector !== undefined || isOwed(row, now))",
    replace: "if (isOwed(row, now))",
  },
  {
    fault: "a block that left the chain is not noticed",
    file: "lane-view",
    find: 'if (!stands) return { event: "orphaned" };',
    replace: "",
  },
  {
    fault: "a second payment of the account is taken on",
    file: "lane-table",
    find: 'if (busy) return "payer_busy";',
    replace: "",
  },
  {
    fault: "a receipt is undone in silence",
    file: "lane-table",
    find: 'return alert(undone, "receipt_undone", { effect: "journal", entry: "receipt_undone" });',
    replace: "return changed(undone);",
    seed: 28,
  },
];

/** The simulation finds this one too rarely: a chain that is made by hand shows it. */
export const BRANCH_MUTANT: ZoneMutant = {
  fault: "a read from another branch of the chain proves",
  file: "lane-view",
  find: 'return rebased ? { kind: "moved", read: rebased } : { kind: "lost" };',
  replace: 'return rebased ? { kind: "moved", read: rebased } : { kind: "stands" };',
};

/** As rare, since a block is read again after the balance. */
export const HEAD_MUTANT: ZoneMutant = {
  fault: "a head of the same height is taken for the same head",
  file: "account-read",
  find: "before.hash !== after.hash",
  replace: "before.id !== after.id",
};

/** As rare: a block has to come and leave within one read. */
export const UNDONE_MUTANTS: readonly ZoneMutant[] = [
  {
    fault: "a block that came and left during a read is not noticed",
    file: "account-read",
    find: "if (first.balance !== balance || first.nonce !== nonce) continue;",
    replace: "",
  },
  {
    fault: "nonce and balance come from two reads",
    file: "account-read",
    find: "if (first.balance !== balance || first.nonce !== nonce) continue;\n    return { head: { id: after.id, hash: after.hash }, nonce, balance };",
    replace: "return { head: { id: after.id, hash: after.hash }, nonce, balance: first.balance };",
  },
];

/** Not of the rules: an owner would sign what the screen does not say. */
export const SCREEN_MUTANT: SourceMutant = {
  fault: "gas_limit is signed and not shown",
  file: "shared/screen/native-facts",
  find: "gasLimit > 0n && `",
  replace: "gasLimit < 0n && `",
};
