/** What a machine refuses is told as what it is; only the rest is called a bug. */

import { expect, test } from "vitest";
import * as z from "zod";
import { contextFor } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { processIo } from "../runtime/io.ts";
import type { Outcome } from "../runtime/outcome.ts";
import { sandbox } from "../testing/cli.ts";
import { type Command, type CommandContext, defineCommand } from "./command.ts";
import { runCommand } from "./run.ts";

const box = sandbox();
const program = { commands: [], groups: {}, version: "0.0.0" };
const context = { ...contextFor({ ...processIo(), env: box.env }, [], true), program };

function commandThat(run: (context: CommandContext) => Promise<Outcome<Record<string, never>>>): Command {
  const nothing = z.strictObject({});
  return defineCommand({ name: "x", audience: "dev", summary: "", input: nothing, output: nothing, examples: [], run, render: () => [] });
}
const refusal = (code: string, more: object = {}) =>
  runCommand(
    commandThat(() => Promise.reject(Object.assign(new Error(`${code}: in the machine's words`), { code, ...more }))),
    {},
    context,
  );

test.each([
  ["ENOSPC", "The disk is full"],
  ["EDQUOT", "Your share of the disk is used up"],
  ["EROFS", "The file system is read-only"],
  ["EACCES", "Permission denied"],
  ["ELOOP", "This is a symbolic link"],
  ["ENOTDIR", "A part of this path is a file, not a directory"],
])("%s names the path and what to do", async (code, sentence) => {
  expect(await refusal(code, { path: "/srv/pay/x" })).toMatchObject({
    exit: EXIT.usage,
    error: { code: "file_not_written", message: `${sentence}: "/srv/pay/x".`, hint: expect.any(String) as string },
  });
});

test("an error of an open file names the state directory", async () => {
  expect(await refusal("ENOSPC")).toMatchObject({ error: { message: `The disk is full: "${box.path("home")}".` } });
});

test("anything else is a bug", async () => {
  expect(await refusal("ENONSENSE")).toMatchObject({ exit: EXIT.internal, error: { code: "internal" } });
});

test("a path through a file is refused by a command as such", async () => {
  box.write("file", "x");
  const run = await box.run("agent create --out ./file/agent.json");
  expect([run.exit, run.json.error.code]).toEqual([EXIT.usage, "file_not_written"]);
  expect(run.json.error.message).toContain(box.path("file/agent.json"));
});

test.each([
  ["a success", () => Promise.resolve({ ok: true as const, data: {} }), undefined],
  ["an error", () => Promise.reject(new Error("no")), undefined],
  ["an interrupt", () => new Promise<never>(() => undefined), AbortSignal.abort()],
])("what a command started is stopped after %s", async (_, run, signal) => {
  let stopped = false;
  const command = commandThat((context) => {
    context.atEnd(async () => void (stopped = await Promise.resolve(true)));
    return run();
  });
  await runCommand(command, {}, signal ? { ...context, io: { ...context.io, signal } } : context);
  expect(stopped).toBe(true);
});
