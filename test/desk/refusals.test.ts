/** How a desk refuses: in words that say what was wrong and what to do. */

import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { malformed } from "../../shared/desk/codes.ts";
import { MAX_URL_LENGTH } from "../../shared/limits.ts";
import { checkShape, parseJson } from "../../shared/text/json.ts";
import { ASKS } from "../../workers/desk/asks.ts";
import { keyRecordSchema } from "../../workers/desk/keys.ts";
import { Notices } from "../../workers/desk/notices/notices.ts";
import type { NoticeSetting } from "../../workers/desk/notices/setting-values.ts";
import { migrateDesk } from "../../workers/desk/schema.ts";
import { owner } from "../fixtures.ts";

describe("what is malformed is named in words [desk-refusal-words]", () => {
  test.each<[string, keyof typeof ASKS, string, string]>([
    ["no JSON", "state", "{", "The call is malformed: not JSON."],
    ["a list", "state", "[]", "The call is malformed: value: must be of type object."],
    ["another member", "state", '{"more":1}', 'The call is malformed: value: unknown key "more".'],
    ["no day", "history", '{"days":1,"day":"yesterday"}', "The call is malformed: day: has the wrong form."],
    ["no days", "history", '{"days":0}', "The call is malformed: days: must be at least 1."],
    ["too many days", "history", '{"days":401}', "The call is malformed: days: must be at most 400."],
    [
      "a long word",
      "history",
      `{"days":1,"agent":"${"x".repeat(301)}"}`,
      "The call is malformed: agent: must have at most 300 characters.",
    ],
    ["a cursor that is none", "requests", '{"all":true,"cursor":"x"}', "The call is malformed: cursor: has the wrong form."],
    ["no seconds", "read", `{"request":"${"0".repeat(64)}","expiresIn":0}`, "The call is malformed: expiresIn: must be more than 0."],
    ["no format", "export", '{"format":"xml"}', 'The call is malformed: format: must be "csv" or "jsonl" or "payments".'],
    [
      "a part of nothing",
      "partial",
      "{}",
      "The call is malformed: value: takes request, proof, policy, and a right authorization or session.",
    ],
  ])("%s", (_, name, text, words) => {
    const read = parseJson(text, 1000, ASKS[name]);
    expect(read.ok ? "" : malformed("The call", read.problem).error).toEqual({ code: "usage", message: words, hint: expect.any(String) });
  });

  const store = { ...memoryStore(), size: () => 0 };
  migrateDesk(store);
  test.each<[NoticeSetting, object, string]>([
    ["webhook.add", { format: "ntfy", url: "x".repeat(MAX_URL_LENGTH + 1) }, `value.url: must have at most ${MAX_URL_LENGTH} characters.`],
    ["webhook.add", { format: "carrier pigeon", url: "x" }, 'value.format: must be "ntfy" or "slack" or "discord".'],
    ["webhook.add", { format: "ntfy", url: "x" }, "This webhook cannot be used: "],
    ["device.remove", { id: "x" }, "value.id: must be an id of the list."],
    ["notices.say-more", { on: "yes" }, "value.on: must be of type boolean."],
    ["device.add", { subscription: { endpoint: 1, keys: {} }, label: "x" }, "value.subscription.endpoint: must be of type string."],
  ])("%s %j", (name, value, words) => {
    expect(new Notices({}, store).set(name, value, 0)?.error).toMatchObject({
      message: expect.stringContaining(words),
      hint: expect.any(String),
    });
  });
});

describe("a name stays in its line, and turns nothing around [desk-names]", () => {
  const NAMES = {
    "a line break": "a\nb",
    "a bell": "a\u0007",
    "a deletion": "a\u009b",
    "a line separator": "a\u2028b",
    "a turn": "\u202egnp.exe",
  };
  const fields: Record<string, (name: string) => { ok: boolean; problem?: string }> = {
    agent: (name) => checkShape(name, ASKS.pair.shape.name),
    passkey: (label) =>
      checkShape(
        { account: owner.account, passkeys: [{ credentialId: "AAAA", publicKey: "02".repeat(33), rpId: "desk.example", label }] },
        keyRecordSchema,
      ),
    device: (label) => {
      const keys = {
        p256dh: Buffer.from([4, ...Array<number>(64).fill(1)]).toString("base64url"),
        auth: Buffer.alloc(16).toString("base64url"),
      };
      const refused = new Notices({}, { ...memoryStore(), size: () => 0 }).set(
        "device.add",
        { subscription: { endpoint: "x", keys }, label },
        0,
      );
      return { ok: false, problem: refused?.error.message ?? "" };
    },
  };
  test.each(Object.keys(fields))("of an agent, a passkey, a device: %s", (field) => {
    for (const [what, name] of Object.entries(NAMES))
      expect(fields[field]?.(name).problem, what).toContain("must have no control characters, line breaks or marks of direction");
    for (const name of ["Research 📱", "❤️", "میز‌کار", "Zoë's phone"])
      expect(fields[field]?.(name).problem ?? "", name).not.toContain("must have");
  });
});
