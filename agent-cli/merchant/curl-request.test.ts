/** Bodies as curl builds them: repeated, from files and from stdin. */

import { beforeEach, describe, expect, test } from "vitest";
import { MAX_REQUEST_BODY_BYTES } from "../../shared/limits.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { type RunOptions, sandbox } from "../testing/cli.ts";
import { startRecorder } from "../testing/recorder.ts";

const box = sandbox();
const { url, bodies } = await startRecorder();
beforeEach(() => {
  bodies.length = 0;
  box.write("a.txt", "a=1");
});

const send = (words: string[], options?: RunOptions) => box.run(["fetch", url, ...words], options);

describe("-d", () => {
  test.each<[string, string[], string, string]>([
    ["once", ["-d", "a=1"], "", "a=1"],
    ["several times, joined by &", ["-d", "a=1", "-d", "b=2", "--data", "c=3"], "", "a=1&b=2&c=3"],
    ["from a file and as text", ["-d", "@a.txt", "-d", "b=2"], "", "a=1&b=2"],
    ["from stdin", ["-d", "@-"], '{"from":"stdin"}', '{"from":"stdin"}'],
    ["from stdin among others", ["-d", "x=0", "-d", "@-", "-d", "@a.txt"], "from=stdin", "x=0&from=stdin&a=1"],
    ["empty", ["-d", "", "-d", ""], "", "&"],
  ])("%s", async (_, words, stdin, body) => {
    expect((await send(words, { stdin })).exit).toBe(EXIT.ok);
    expect(bodies).toEqual([body]);
  });

  test("takes stdin once, and no more of it than a body may have", async () => {
    expect((await send(["-d", "@-", "-d", "@-"], { stdin: "x" })).json.error.code).toBe("usage");
    const large = await send(["-d", "@-"], { stdin: "x".repeat(MAX_REQUEST_BODY_BYTES + 1) });
    expect([large.exit, large.json.error.message]).toEqual([EXIT.usage, expect.stringContaining("larger than")]);
    expect((await send(["-d", "x".repeat(MAX_REQUEST_BODY_BYTES), "-d", "y"])).json.error.message).toContain("larger than");
    expect(bodies).toEqual([]);
  });

  test("from a stdin that never ends stops at Ctrl-C", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    const run = await send(["-d", "@-"], { stdin: null, signal: stop.signal });
    expect([run.exit, bodies]).toEqual([EXIT.interrupted, []]);
  });
});
