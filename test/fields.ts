/** Tests of a schema from a table of its fields: each is refused when missing, of another type, or badly spelled. */

import { describe, expect, test } from "vitest";
import type * as z from "zod/mini";
import { parseJson } from "../shared/text/json.ts";

export interface Field {
  /** `payment.amount` */
  path: string;
  /** Values of the right type that are wrong. */
  bad: readonly unknown[];
  /** Values that are as good as the one in the example. */
  good?: readonly unknown[];
  optional?: true;
  /** null is taken for absent. */
  nullable?: true;
  /** What the field holds; strings unless said otherwise. */
  type?: "string" | "number" | "object" | "array" | "boolean" | "anything";
}

export interface Shape {
  name: string;
  schema: z.core.$ZodType;
  valid: object;
  fields: readonly Field[];
  /** Objects (by path, "" is the whole) that refuse unknown keys. All others keep them. */
  strict: readonly string[];
}

export function testFields({ name, schema, valid, fields, strict }: Shape): void {
  const parse = (value: unknown) => parseJson(JSON.stringify(value), 100_000, schema);
  const expectRefused = (value: unknown, path: string) => {
    const result = parse(value);
    expect(result, JSON.stringify(value)).toMatchObject({ ok: false, code: "invalid_payload", problem: expect.stringMatching(`^${path}`) });
  };

  describe(name, () => {
    test("is read as it was written", () => expect(parse(valid)).toEqual({ ok: true, value: valid }));

    test("has each of its fields in this table", () => {
      expect(leaves(valid).filter((leaf) => !fields.some(({ path }) => leaf === path || leaf.startsWith(`${path}.`)))).toEqual([]);
    });

    for (const { path, bad, good = [], optional, nullable, type = "string" } of fields) {
      test(`${path} is ${optional ? "optional" : "required"}`, () => {
        const missing = change(valid, path, undefined);
        if (optional) expect(parse(missing)).toMatchObject({ ok: true });
        else expectRefused(missing, path);
      });

      test(`${path} is ${type === "anything" ? "anything" : `of type ${type} and nothing else`}`, () => {
        for (const other of [null, 1, true, [], {}, "text"].filter((value) => typeOf(value) !== type)) {
          if (type === "anything" || (other === null && nullable)) expect(parse(change(valid, path, other))).toMatchObject({ ok: true });
          else expectRefused(change(valid, path, other), path);
        }
      });

      if (bad.length > 0) {
        test(`${path} refuses ${bad.length} wrong values`, () => {
          for (const value of bad) expectRefused(change(valid, path, value), path);
        });
      }
      if (good.length > 0) {
        test(`${path} takes ${good.length} other values`, () => {
          for (const value of good) expect(parse(change(valid, path, value)), String(value)).toMatchObject({ ok: true });
        });
      }
    }

    for (const path of objects(valid)) {
      const isStrict = strict.includes(path);
      test(`${path || "the whole"} ${isStrict ? "refuses" : "keeps"} an unknown key`, () => {
        const changed = change(valid, path ? `${path}.surprise` : "surprise", "x");
        if (isStrict) expectRefused(changed, path);
        else expect(parse(changed)).toEqual({ ok: true, value: changed });
      });
    }
  });
}

/** A copy of `object` with the value at `path` replaced; undefined removes it. */
export function change<T extends object>(object: T, path: string, value: unknown): T {
  const copy = structuredClone(object);
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let parent = copy as Record<string, unknown>;
  for (const key of keys) parent = parent[key] as Record<string, unknown>;
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

/** The paths of all values that are not objects or arrays. */
export function leaves(value: unknown, path = ""): string[] {
  return isObject(value) ? Object.entries(value).flatMap(([key, child]) => leaves(child, join(path, key))) : [path];
}

function objects(value: unknown, path = ""): string[] {
  if (!isObject(value)) return [];
  const inner = Object.entries(value).flatMap(([key, child]) => objects(child, join(path, key)));
  return Array.isArray(value) ? inner : [path, ...inner];
}

function join(path: string, key: string): string {
  return path ? `${path}.${key}` : key;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
