/** What holds for every command: one envelope, sentences, exit codes, help. */

import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, openSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { PassThrough } from "node:stream";
import { pathToFileURL } from "node:url";
import { spawn as spawnPty } from "@lydell/node-pty";
import { describe, expect, test } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import { commandNamed, fieldOf, parseArgv } from "./command-line/argv.ts";
import { main } from "./main.ts";
import { COMMANDS, GROUPS } from "./registry.ts";
import { EXIT } from "./runtime/exit-codes.ts";
import { cells } from "./runtime/layout.ts";
import { BIN, BUILT, CHEAP_CLI } from "./testing/built.ts";
import { PASSPHRASE, sandbox, Terminal, wordsOf } from "./testing/cli.ts";

const box = sandbox();
const info = { commands: COMMANDS, groups: GROUPS, version: "0" };

test("in a clone the executable runs the sources, in a package the bundle", () => {
  const loaded = `import { registerHooks } from "node:module";
    registerHooks({ load: (url, context, next) => (/\\/(main.ts|cli.js)$/.test(url) && console.error(url), next(url, context)) });`;
  const run = (bin: string) =>
    spawnSync(process.execPath, ["--import", `data:text/javascript,${loaded}`, bin, "--version"], { encoding: "utf8" });
  const [source, built] = [run(path.join(import.meta.dirname, "bin.js")), run(BIN)];
  expect(source.stderr).toBe(`${pathToFileURL(path.join(import.meta.dirname, "main.ts")).href}\n`);
  expect(built.stderr).toBe(`${pathToFileURL(path.join(BUILT, "dist/cli.js")).href}\n`);
  expect([source.stdout, built.stdout]).toEqual([packageJson.version, packageJson.version].map((version) => `${version}\n`));
});

describe("another machine than most", () => {
  test("with an older Node.js gets a sentence and exit 30, from a file that it can parse [old-node]", () => {
    const older = "Object.defineProperty(process.versions, 'node', { value: '20.11.0' })";
    const ran = spawnSync(process.execPath, ["--import", `data:text/javascript,${older}`, BIN, "whoami"], { encoding: "utf8" });
    expect([ran.status, ran.stdout]).toEqual([EXIT.notSetUp, ""]);
    expect(ran.stderr).toMatch(/^lez-agent-pay needs Node\.js 22\.13 or newer; this is 20\.11\.0\. .*\.\n$/);
    // Node.js 12 reads modules, and neither `await` outside of a function nor these.
    const code = readFileSync(BIN, "utf8").replaceAll(/\/\/ .*/g, "");
    expect(code).not.toMatch(/^\S.*\bawait\b|"node:|\?\?|\?\.|import .* with /m);
  });

  test("without HOME and without an account is told what to set", async () => {
    const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
    const io = { ...streams, env: {}, cwd: box.directory, accountHome: undefined, signal: new AbortController().signal };
    expect(await main(["whoami"], io)).toBe(EXIT.notSetUp);
    const said = JSON.parse(String(io.stdout.read())) as { error: object };
    expect(said.error).toMatchObject({ code: "not_set_up", hint: expect.stringContaining("LEZ_AGENT_PAY_HOME") as string });
    // A uid that has HOME needs no account.
    expect(await main(["agent", "create"], { ...io, env: { HOME: box.path("uid") } })).toBe(EXIT.ok);
  });

  test("whose terminal has no columns is asked line by line", async () => {
    const terminal = new Terminal(
      spawnPty("sh", ["-c", 'stty cols 0; exec "$@"', "sh", process.execPath, ...CHEAP_CLI, "owner", "create"], {
        cwd: box.directory,
        env: { ...box.env, LEZ_AGENT_PAY_HOME: box.path("zero") },
      }),
    );
    for (const question of ["Passphrase for the new owner key", "The same passphrase again"])
      await terminal.answer(question, `${PASSPHRASE}\r`);
    expect(await terminal.exit, terminal.text).toBe(EXIT.ok);
    expect(terminal.text).toContain("Owner key written to");
  });
});

describe("output", () => {
  test("piped, a success is one envelope and stderr is silent [exit-ok-envelope]", async () => {
    const run = await box.run(["agent", "create", "--out", "./a.json"]);
    expect([run.exit, run.stderr]).toEqual([EXIT.ok, ""]);
    expect(run.json).toMatchObject({ ok: true, meta: { command: "agent create", version: packageJson.version } });
  });

  test("on a terminal it is text, and --json makes it an envelope again", async () => {
    const text = await box.run(["agent", "create", "--out", "./b.json"], { terminal: true });
    expect(text.stdout).toContain("Agent key written to");
    const json = await box.run(["agent", "create", "--out", "./c.json", "--json"], { terminal: true });
    expect(json.json.ok).toBe(true);
  });

  test("on a terminal a failure is a sentence on stderr, and stdout stays empty", async () => {
    const run = await box.run(["agent", "create", "--out", "./a.json"], { terminal: true });
    expect([run.exit, run.stdout]).toEqual([EXIT.usage, ""]);
    expect(run.stderr).toMatch(/exists already\. \[file_exists\][^]*another name/);
  });

  test("what a file says cannot act on the terminal", async () => {
    box.write("hostile.json", '{"x\u009b2J\u202e":1,"x\u009b2J\u202e":2}');
    const run = await box.run("owner decline --request-file ./hostile.json", { terminal: true });
    expect(run.exit).toBe(EXIT.usage);
    expect(run.stderr).toContain("duplicate key");
    // oxlint-disable-next-line no-control-regex
    expect(run.stderr.replaceAll(/\u001b\[\d+m/g, "")).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u0080-\u009f\u202e]/);
  });

  test("a bug is exit 1 and a sentence; the stack is for those who ask [exit-internal]", async () => {
    const words = ["agent", "create", "--out", "bad\0name"];
    const run = await box.run(words);
    expect([run.exit, run.json.error.code, run.stderr]).toEqual([EXIT.internal, "internal", ""]);
    expect(run.stdout).not.toMatch(/ at .*\.ts/);
    expect((await box.run(words, { env: { LEZ_AGENT_PAY_DEBUG: "1" } })).stderr).toContain("    at ");
  });

  test.each([
    ["at the end", ["agent", "create", "--out", "epipe.json"]],
    ["in the middle of a story", ["demo", "cli"]],
  ])("a reader that leaves early changes nothing, %s", async (_, words) => {
    const child = spawn(process.execPath, [BIN, ...words], { cwd: box.directory });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const exit = await new Promise((resolve) => child.on("close", resolve));
    expect([exit, stderr]).toEqual([EXIT.ok, ""]);
  });
});

describe.skipIf(!existsSync("/dev/full"))("an answer that cannot be written", () => {
  const run = async (line: string) => {
    const child = spawn("sh", ["-c", line, process.execPath, BIN], {
      cwd: box.directory,
      env: box.env,
    });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    return { exit: await new Promise((resolve) => child.on("close", resolve)), stderr };
  };

  test.each(["--version", "whoami --agent-file a.json --json", "completions bash", "--schema", "demo cli"])(
    "is no success: %s",
    async (words) => {
      const { exit, stderr } = await run(`"$0" "$1" ${words} > /dev/full`);
      expect([exit, stderr]).toEqual([
        EXIT.internal,
        expect.stringMatching(/^The output could not be written: [^]*\[output_not_written\]\n$/),
      ]);
    },
  );

  test("is no success either when the beginning of it could", async () => {
    const { exit, stderr } = await run(`ulimit -f 1; "$0" "$1" --schema > schema.json`);
    expect([exit, stderr]).toEqual([EXIT.internal, expect.stringContaining("[output_not_written]") as string]);
  });

  test("takes nothing from what a failure comes to", async () => {
    expect((await run(`"$0" "$1" whoami --agent-file missing.json > /dev/full`)).exit).toBe(EXIT.notSetUp);
  });
});

test("an interrupted command writes nothing and exits 130 [exit-interrupted]", async () => {
  const words = ["owner", "create", "--out", "./stopped.json", "--passphrase-file", box.write("pw", PASSPHRASE)];
  const run = await box.run(words, { signal: AbortSignal.abort() });
  expect([run.exit, run.json.error.code, existsSync(box.path("stopped.json"))]).toEqual([EXIT.interrupted, "interrupted", false]);
});

describe("usage", () => {
  test.each([
    [["qoute", "x"], "Did you mean quote?"],
    [["quote", "x", "--alow-http"], "Did you mean --allow-http?"],
    [["owner"], "owner create, owner approve, owner decline"],
    [["owner", "aprove"], "Did you mean approve?"],
    [[], "Name a command."],
    [["quote"], "missing required argument"],
    [["quote", "a", "b"], "too many arguments"],
    [["quote", "https://x.example/", "-H", "broken"], '-H "broken" is not a header'],
    [["quote", "https://x.example/", "-H", ": nameless"], '-H ": nameless" is not a header'],
    [["agent", "create", "--out"], "argument missing"],
    [["request", "create", "https://x.example/"], "--reason is required"],
    [["request", "create", "x", "--reason", "short"], "--reason must say why in at least 32 visible characters"],
    [["faucet", "--amount", "0.5"], "--amount must be atomic units, as in 1500000000, or LGO"],
    [["faucet", "--amount", "01"], "--amount must be atomic units"],
    [["fetch", "https://x.example/", "--max-amount", "1e9LGO"], "--max-amount must be atomic units"],
    [["faucet", "--amount", "100000001"], "--amount must be at most 100000000: no account gets more in 24 hours"],
    [["balance", "--account", "Private/x"], "private LEZ accounts"],
    [["owner", "approve", "--request-file", "r", "--out", "p", "--expires-in", "0"], "--expires-in must be at least one second"],
    [["owner", "create", "--out", "x", "--passphrase-fd", "x"], "--passphrase-fd must be the number of an open file descriptor."],
    [["fetch", "https://x.example/", "--out", ""], "--out must not be empty."],
    [["request", "show", ""], "<request> must not be empty."],
    [["pay", ""], "<payment> must not be empty."],
    [["owner", "decline", "--request-file", ""], 'the payment request "": no such file'],
    [["audit", "list", "--last", "x"], "--last must be a whole number, 1 or more."],
    [["audit", "list", "--last", "0"], "--last must be a whole number, 1 or more."],
    [["receipt", "verify", box.write("notes.md", "# Notes")], "is no evidence"],
    [["receipt", "verify", box.write("package.json", packageJson)], 'no evidence of a payment: version must be "1"'],
  ])("%j is told what is wrong, in the envelope [exit-usage]", async (words, message) => {
    const run = await box.run(words);
    expect([run.exit, run.json.error.code]).toEqual([EXIT.usage, expect.stringMatching(/^(usage|invalid_file)$/)]);
    expect(run.json.error.message.toLowerCase()).toContain(message.toLowerCase());
    expect(run.stderr).toBe("");
  });

  test("hints name a command that exists", async () => {
    for (const words of [["owner", "approve", "--nope"], ["owner", "nope"], ["nope"]]) {
      const hint = (await box.run(words)).json.error.hint ?? "";
      const help = await box.run([...hint.replace("See: lez-agent-pay ", "").split(" "), "--json"]);
      expect([hint, help.exit]).toEqual([hint, EXIT.ok]);
    }
  });
});

test("what is to be pasted begins like what was typed; what a program reads does not", async () => {
  const typed = { env: { npm_command: "exec" }, terminal: true };
  expect((await box.run("nope", typed)).stderr).toContain("See: npx lez-agent-pay --help");
  expect((await box.run("nope", { ...typed, env: { npm_command: "run" } })).stderr).toContain("See: npx lez-agent-pay --help");
  const missing = await box.run("whoami --agent-file ./missing.json", typed);
  expect(missing.stderr).toContain(`\n  npx lez-agent-pay agent create --out ${box.path("missing.json")}\n`);
  expect((await box.run("nope", { env: { npm_command: "exec" } })).json.error.hint).toBe("See: lez-agent-pay --help");
  expect((await box.run("nope", { terminal: true })).stderr).toContain("See: lez-agent-pay --help");
});

describe("help", () => {
  test("fits into 80 columns and has two examples or more, for every command", async () => {
    for (const words of [[], ...COMMANDS.map(({ name }) => name.split(" "))]) {
      const { stdout, exit } = await box.run([...words, "--help"]);
      expect(exit).toBe(EXIT.ok);
      expect(stdout).toContain("Usage: lez-agent-pay");
      for (const line of stdout.split("\n")) expect(cells(line), line).toBeLessThanOrEqual(80);
    }
    expect(COMMANDS.filter(({ examples }) => examples.length < 2).map(({ name }) => name)).toEqual([]);
  });

  test("examples are commands as the parser and the command's own schema take them", () => {
    for (const { name, examples } of COMMANDS) {
      for (const { argv } of examples) {
        const words = wordsOf(argv);
        const parse = parseArgv(words, info);
        if (parse.kind !== "run") throw new Error(`${argv}: ${JSON.stringify(parse)}`);
        expect(parse.command.name).toBe(name);
        expect(parse.command.input.safeParse(parse.raw).error, argv).toBeUndefined();
      }
    }
  });

  test("a flag that takes a file says so, and shells complete its name", () => {
    for (const { name, input } of COMMANDS) {
      for (const [key, schema] of Object.entries(input.shape)) {
        if (key === "out" || key.endsWith("File")) expect([name, key, fieldOf(key, schema).value]).toEqual([name, key, "file"]);
      }
    }
  });

  test("every flag says what it is for", () => {
    for (const { name, input } of COMMANDS) {
      for (const [key, schema] of Object.entries(input.shape)) expect([name, key, schema.meta()?.description]).not.toContain(undefined);
    }
  });

  test("help is also a word", async () => {
    const text = async (...words: string[]) => (await box.run(words)).stdout;
    expect(await text("help")).toBe(await text("--help"));
    expect(await text("help", "request", "create")).toBe(await text("request", "create", "--help"));
    expect((await box.run("help qoute")).json.error.message).toContain("Did you mean quote?");
  });

  test("help and version are text even when piped, and an envelope when asked", async () => {
    expect((await box.run(["--version"])).stdout).toBe(`${packageJson.version}\n`);
    expect((await box.run(["--help", "--json"])).json.data["text"]).toContain("Usage:");
  });
});

test("a first run needs no second word: demo alone is demo http", () => {
  expect(parseArgv(["demo"], info)).toMatchObject({ kind: "run", command: { name: "demo http" } });
  expect(parseArgv(["demo", "cli"], info)).toMatchObject({ kind: "run", command: { name: "demo cli" } });
});

test("a name and its alias are one command, not two", () => {
  for (const { aliases = [], name } of COMMANDS)
    for (const alias of aliases) expect(commandNamed(COMMANDS, alias)).toBe(commandNamed(COMMANDS, name));
  expect(commandNamed(COMMANDS, "owner approve")).toBe(commandNamed(COMMANDS, "approve"));
});

test("exit codes are the documented ones", () => {
  expect(Object.values(EXIT)).toEqual([0, 1, 2, 10, 11, 12, 13, 20, 21, 22, 23, 24, 30, 31, 32, 40, 41, 75, 130]);
});

test("a passphrase comes from a private file or a descriptor, and from nowhere else", async () => {
  let made = 0;
  const create = (...words: string[]) => box.run(["owner", "create", "--out", `./o${made++}.json`, ...words]);
  const file = box.write("pass", `${PASSPHRASE}\n`);
  expect((await create("--passphrase-file", file)).exit).toBe(EXIT.ok);
  expect((await create("--passphrase-fd", String(openSync(file, "r")))).exit).toBe(EXIT.ok);
  expect((await create("--passphrase-fd", "999")).exit).toBe(EXIT.usage);
  expect((await create("--passphrase-file", file, "--passphrase-fd", "3")).exit).toBe(EXIT.usage);
  expect((await create("--passphrase-file", box.write("empty", "\n"))).exit).toBe(EXIT.usage);
  expect((await create("--passphrase-file", box.write("short", "1234567"))).exit).toBe(EXIT.usage);
  chmodSync(file, 0o644);
  expect((await create("--passphrase-file", file)).exit).toBe(EXIT.unsafePermissions);
  const unattended = await create();
  expect([unattended.exit, unattended.json.error.code]).toEqual([EXIT.usage, "interaction_required"]);
});
