/** What an agent's commands can read, send and write: files of the agent's folders, and no others. */

import fs, { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { fieldOf } from "../command-line/argv.ts";
import { COMMANDS } from "../registry.ts";
import { REASON, type RunOptions, Sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";
import { startRecorder } from "../testing/recorder.ts";
import { EXIT } from "./exit-codes.ts";

const { url: URL, bodies } = await startRecorder();
const merchant = await startMerchant();

const SECRET = "the words of the user";
let box: Sandbox;
/** A folder beside the agent's. */
let outside: string;
beforeEach(() => {
  const parent = new Sandbox();
  box = new Sandbox();
  outside = parent.directory;
  parent.write("secret.txt", SECRET);
  bodies.length = 0;
  onTestFinished(() => {
    parent.remove();
    box.remove();
  });
});

const send = (file: string, options?: RunOptions) => box.run(["fetch", URL, "-d", `@${file}`], options);
const save = (file: string, options?: RunOptions) => box.run(["fetch", URL, "--out", file], options);
const NOT_ALLOWED = { ok: false, error: { code: "file_not_allowed" } };

describe("a body from a file", () => {
  test("of the current folder is sent, as curl sends it", async () => {
    box.write("question.json", "{}");
    mkdirSync(box.path("deep/er"), { recursive: true });
    box.write("deep/er/a.b.txt", "deep");
    for (const file of [box.path("question.json"), "question.json", "./deep/../question.json", box.path("deep/er/a.b.txt")])
      expect((await send(file)).exit).toBe(EXIT.ok);
    expect(bodies).toEqual(["{}", "{}", "{}", "deep"]);
  });

  test("elsewhere is not read, sent or looked for [agent-files-outside]", async () => {
    const beside = path.relative(box.directory, path.join(outside, "secret.txt"));
    const absent = path.join(outside, "absent.txt");
    const said = async (file: string) => JSON.stringify((await send(file)).json.error).replaceAll(file, "…");
    for (const file of [path.join(outside, "secret.txt"), beside, `deep/../${beside}`, "/etc/passwd", "/dev/stdin", "..", ""])
      expect((await send(file)).json).toMatchObject(NOT_ALLOWED);
    expect(await said(absent)).toBe(await said(path.join(outside, "secret.txt")));
    expect(bodies).toEqual([]);
  });

  test.each([".env", ".ssh/id_rsa", "deep/.git/config", "deep/../.env"])(
    "that is hidden is not sent: %s [agent-files-hidden]",
    async (file) => {
      for (const folder of [".ssh", "deep/.git"]) mkdirSync(box.path(folder), { recursive: true });
      for (const name of [".env", ".ssh/id_rsa", "deep/.git/config"]) box.write(name, SECRET);
      expect((await send(file)).json).toMatchObject(NOT_ALLOWED);
      expect(bodies).toEqual([]);
    },
  );

  test("is not followed through a link, in its name or above it [agent-files-links]", async () => {
    symlinkSync(path.join(outside, "secret.txt"), box.path("link.txt"));
    symlinkSync(outside, box.path("folder"));
    box.write("inside.txt", "inside");
    symlinkSync("inside.txt", box.path("own.txt"));
    expect((await send("link.txt")).json).toMatchObject({ error: { code: "unsafe_permissions" } });
    expect((await send("own.txt")).json).toMatchObject({ error: { code: "unsafe_permissions" } });
    expect((await send("folder/secret.txt")).json).toMatchObject(NOT_ALLOWED);
    expect(bodies).toEqual([]);
  });

  test("below a folder that was exchanged for a link after the check is not sent [agent-files-race]", async () => {
    mkdirSync(box.path("mine"));
    box.write("mine/secret.txt", "harmless");
    beforeOpening("secret.txt", () => {
      renameSync(box.path("mine"), box.path("was"));
      symlinkSync(outside, box.path("mine"));
    });
    expect((await send("mine/secret.txt")).json).toMatchObject(NOT_ALLOWED);
    expect(bodies).toEqual([]);
  });

  test.each([
    ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"],
    ["a key of the wallet", undefined],
  ])("that holds %s is not sent", async (_, content) => {
    await people(box);
    box.write("id_rsa", content ?? box.read("owner.json"));
    const run = await send("id_rsa");
    expect([run.exit, run.json.error.code, run.json.error.message]).toEqual([
      EXIT.usage,
      "file_not_allowed",
      expect.stringContaining("private key"),
    ]);
    expect(bodies).toEqual([]);
  });

  test("of the wallet is not sent, wherever the wallet is [agent-files-wallet]", async () => {
    await box.run("agent create");
    box.write("home/config.json", {});
    for (const file of ["home/config.json", "home/agent.json"]) expect((await send(file)).json).toMatchObject(NOT_ALLOWED);
    const env = { LEZ_AGENT_PAY_HOME: "", XDG_CONFIG_HOME: box.path("xdg") };
    await box.run("agent create", { env });
    expect((await send("xdg/lez-agent-pay/agent.json", { env })).json).toMatchObject(NOT_ALLOWED);
  });
});

describe("a file for the answer", () => {
  test("is written in the current folder, and replaces nothing [agent-files-new]", async () => {
    expect((await save("report.txt")).json.data["response"]).toMatchObject({ body: { file: "report.txt" } });
    expect(readFileSync(box.path("report.txt"), "utf8")).toBe("free");
    box.write("mine.txt", SECRET);
    symlinkSync(box.path("absent"), box.path("dangling"));
    for (const [file, code] of [
      ["mine.txt", "file_exists"],
      ["dangling", "unsafe_permissions"],
    ] as const)
      expect((await save(file)).json.error.code).toBe(code);
    expect(readFileSync(box.path("mine.txt"), "utf8")).toBe(SECRET);
    expect(bodies).toHaveLength(1); // the others were refused before anything was sent
  });

  test.each([".bashrc", ".config/lez-agent-pay/config.json", "home/known-keys.json", "home/inbox/x.json"])(
    "is not hidden, and not the wallet's: %s",
    async (file) => {
      await box.run("doctor"); // makes the state directory
      mkdirSync(box.path(".config/lez-agent-pay"), { recursive: true });
      mkdirSync(box.path("home/inbox"), { recursive: true });
      expect((await save(file)).json).toMatchObject(NOT_ALLOWED);
      expect(existsSync(box.path(file))).toBe(false);
      expect(bodies).toEqual([]);
    },
  );

  test("that appears after the check is not replaced", async () => {
    beforeNaming(() => box.write("report.txt", SECRET));
    expect((await save("report.txt")).json.error.code).toBe("file_exists");
    expect(readFileSync(box.path("report.txt"), "utf8")).toBe(SECRET);
    expect(readdirSync(box.directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("below a folder that was exchanged for a link after the check is not written", async () => {
    mkdirSync(box.path("mine"));
    beforeOpening("report.txt", () => {
      renameSync(box.path("mine"), box.path("was"));
      symlinkSync(outside, box.path("mine"));
    });
    expect((await save("mine/report.txt")).json).toMatchObject(NOT_ALLOWED);
    expect(readdirSync(outside)).toEqual(["secret.txt"]);
  });

  test("can be in the downloads folder of the account", async () => {
    const env = { LEZ_AGENT_PAY_HOME: "", HOME: box.path("account") };
    const downloads = box.path("account/.local/state/lez-agent-pay/downloads");
    mkdirSync(downloads, { recursive: true, mode: 0o700 });
    const file = path.join(downloads, "report.txt");
    expect((await save(file, { env })).exit).toBe(EXIT.ok);
    // A variable makes no other folder one.
    mkdirSync(path.join(outside, "downloads"), { mode: 0o700 });
    const moved = { env: { LEZ_AGENT_PAY_HOME: outside } };
    expect((await save(path.join(outside, "downloads/x"), moved)).json).toMatchObject(NOT_ALLOWED);
  });
});

describe("agentFiles", () => {
  const account = (agentFiles: unknown) => {
    mkdirSync(box.path("account/.config/lez-agent-pay"), { recursive: true });
    box.write("account/.config/lez-agent-pay/config.json", { agentFiles });
  };

  test("replaces the current folder, and may itself be below a hidden one", async () => {
    mkdirSync(path.join(outside, ".work/.hidden"), { recursive: true });
    account([path.join(outside, ".work")]);
    fs.writeFileSync(path.join(outside, ".work/a.txt"), "a");
    fs.writeFileSync(path.join(outside, ".work/.hidden/b.txt"), "b");
    box.write("here.txt", "here");
    expect((await send(path.join(outside, ".work/a.txt"))).exit).toBe(EXIT.ok);
    for (const file of ["here.txt", path.join(outside, ".work/.hidden/b.txt"), path.join(outside, "secret.txt")])
      expect((await send(file)).json).toMatchObject(NOT_ALLOWED);
    expect(bodies).toEqual(["a"]);
  });

  test("in a configuration that variables have moved narrows, and never widens [agent-files-moved]", async () => {
    await box.run("doctor");
    box.write("here.txt", "here");
    mkdirSync(box.path("deep"));
    box.write("deep/er.txt", "deep");
    box.write("home/config.json", { agentFiles: [outside, "/", box.path("deep")] });
    expect((await send(path.join(outside, "secret.txt"))).json).toMatchObject(NOT_ALLOWED);
    box.write("home/config.json", { agentFiles: [box.path("deep")] });
    expect((await send("here.txt")).json).toMatchObject(NOT_ALLOWED);
    expect((await send("deep/er.txt")).exit).toBe(EXIT.ok);
    // The account's own stays what it is.
    account([outside]);
    expect((await send("deep/er.txt")).json).toMatchObject(NOT_ALLOWED);
    for (const variable of ["HOME", "XDG_CONFIG_HOME", "LEZ_AGENT_PAY_HOME"])
      expect((await send("here.txt", { env: { LEZ_AGENT_PAY_HOME: "", [variable]: box.path("fresh") } })).json).toMatchObject(NOT_ALLOWED);
  });

  test("has absolute paths", async () => {
    await box.run("doctor");
    box.write("home/config.json", { agentFiles: ["work"] });
    expect((await send("here.txt")).json.error).toMatchObject({ code: "invalid_file", message: expect.stringContaining("absolute") });
  });
});

test("every file that an agent's command can name is held to the same folders [agent-files-every-flag]", async () => {
  const { ask, approve } = await people(box);
  const { code, digest } = await ask(`${merchant.url}?every`, "request.json");
  expect((await approve("request.json", "payment.json", ["--confirm", digest])).exit).toBe(EXIT.ok);
  const secret = path.join(outside, "secret.txt");
  const fresh = path.join(outside, "new.txt");
  const reason = `--reason "${REASON}" --agent-file ./agent.json`;
  const lines: Record<string, string> = {
    "quote data": `quote ${URL} -d @${secret}`,
    "fetch data": `fetch ${URL} -d @${secret}`,
    "fetch out": `fetch ${URL} --out ${fresh}`,
    "request create data": `request create ${URL} ${reason} -d @${secret}`,
    "request create out": `request create ${URL} ${reason} --out ${fresh}`,
    "pay payment": `pay ${secret}`,
    "pay requestFile": `pay ./payment.json --request-file ${secret}`,
    "pay data": `pay ./payment.json --request-file ./request.json -d @${secret}`,
    "pay out": `pay ./payment.json --out ${fresh}`,
    "http get payload": `http get --url ${URL} --payload ${secret}`,
    "http get out": `http get --url ${URL} --out ${fresh}`,
    "request export out": `request export ${code} --out ${fresh}`,
    "decision import decision": `decision import ${secret}`,
    "agent create out": `agent create --out ${fresh}`,
    "mandate propose out": `mandate propose --origin https://shop.example --per-payment 1 --total 1 ${reason} --out ${fresh}`,
    "mandate accept file": `mandate accept ${secret}`,
    "books import access": `books import ${secret}`,
    "status payment": `status ${secret}`,
    "receipt show request": `receipt show ${secret}`,
    "receipt verify evidence": `receipt verify ${secret}`,
    "receipt verify keys": `receipt verify ./request.json --keys ${secret}`,
    "receipt export request": `receipt export ${secret}`,
    // Once it is paid:
    "receipt show keys": `receipt show ${code} --keys ${secret}`,
    "receipt export keys": `receipt export ${code} --keys ${secret}`,
    "receipt export out": `receipt export ${code} --out ${fresh}`,
  };
  // A key file is opened as a key, and no more than its public half is shown.
  const keys = new Set(["agentFile", "ownerFile"]);
  const named = COMMANDS.filter(({ audience }) => audience === "agent" || audience === "both").flatMap(({ name, input }) =>
    Object.entries(input.shape).flatMap(([key, schema]) => {
      const { value, tool } = fieldOf(key, schema);
      return (value === "file" || tool) && !keys.has(key) ? [`${name} ${key}`] : [];
    }),
  );
  expect(Object.keys(lines).toSorted()).toEqual(named.toSorted());
  const [unpaid, paid] = [Object.entries(lines).slice(0, -3), Object.entries(lines).slice(-3)];
  for (const [flag, line] of unpaid) expect((await box.run(`${line} --json`)).json, flag).toMatchObject(NOT_ALLOWED);
  expect((await box.run("pay ./payment.json")).exit).toBe(EXIT.ok);
  for (const [flag, line] of paid) expect((await box.run(line)).json, flag).toMatchObject(NOT_ALLOWED);
  expect(readdirSync(outside)).toEqual(["secret.txt"]);
});

test("an agent's command says that --force is no longer taken [agent-files-no-force]", async () => {
  box.write("mine.txt", SECRET);
  for (const line of [`fetch ${URL} --out mine.txt --force`, `http get --url ${URL} --out mine.txt --force`, "agent create --force"]) {
    const run = await box.run(line);
    expect([run.exit, run.json.error.code]).toEqual([EXIT.usage, "usage"]);
    expect(run.json.error.message).toContain("--force is no longer taken");
  }
  expect((await box.run("fetch --help")).stdout).not.toContain("--force");
  expect(readFileSync(box.path("mine.txt"), "utf8")).toBe(SECRET);
});

test("an owner's command reads and writes where it is told", async () => {
  const file = path.join(outside, "owner.json");
  expect((await box.run(["owner", "create", "--insecure-plaintext", "--out", file])).exit).toBe(EXIT.ok);
  expect((await box.run(["owner", "create", "--insecure-plaintext", "--out", file, "--force"])).exit).toBe(EXIT.ok);
  expect((await box.run(["key", "show", "--owner-file", file])).exit).toBe(EXIT.ok);
});

const { openSync, linkSync: link } = fs;
afterEach(() => {
  Object.assign(fs, { openSync, linkSync: link });
  syncBuiltinESMExports();
});

/** Acts once, between the check of a path and its opening. */
function beforeOpening(name: string, act: () => void): void {
  let acted = false;
  fs.openSync = (...args) => {
    if (!acted && String(args[0]).includes(name)) {
      acted = true;
      act();
    }
    return openSync(...args);
  };
  syncBuiltinESMExports();
}

/** Acts once, between the writing of a file and its naming. */
function beforeNaming(act: () => void): void {
  fs.linkSync = (...args) => {
    act();
    link(...args);
  };
  syncBuiltinESMExports();
}
