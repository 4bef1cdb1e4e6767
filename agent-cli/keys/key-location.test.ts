/** Keys are found where they were made: named, configured, or beside the configuration. */

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { EXIT } from "../runtime/exit-codes.ts";
import { BIN } from "../testing/built.ts";
import { Sandbox, sandbox } from "../testing/cli.ts";

const shared = sandbox();
let box: Sandbox;
beforeEach(() => {
  box = new Sandbox();
  return () => box.remove();
});
const CREATE_OWNER = "owner create --insecure-plaintext";

describe("without --out", () => {
  test("both keys are written beside the configuration, private, and every command finds them [keys-found-where-made]", async () => {
    const owner = await box.run(CREATE_OWNER);
    const agent = await box.run("agent create");
    expect([owner.json.data["file"], agent.json.data["file"]]).toEqual([box.path("home/owner.json"), box.path("home/agent.json")]);
    expect(statSync(box.path("home")).mode & 0o777).toBe(0o700);
    for (const role of ["owner", "agent"]) expect(statSync(box.path(`home/${role}.json`)).mode & 0o777).toBe(0o600);
    expect((await box.run("key show")).json.data["account"]).toBe(owner.json.data["account"]);
    expect((await box.run("whoami")).json.data["publicKey"]).toBe(agent.json.data["publicKey"]);
    expect((await box.run("accounts")).json.data["accounts"]).toMatchObject([{ file: box.path("home/owner.json") }]);
  });

  test("below XDG_CONFIG_HOME and HOME, whose folders are created", async () => {
    for (const [env, file] of [
      [{ LEZ_AGENT_PAY_HOME: "", XDG_CONFIG_HOME: box.path("xdg") }, "xdg/lez-agent-pay/agent.json"],
      [{ LEZ_AGENT_PAY_HOME: "", HOME: box.path("ann") }, "ann/.config/lez-agent-pay/agent.json"],
    ] as const) {
      expect((await box.run("agent create", { env })).json.data["file"]).toBe(box.path(file));
      expect((await box.run("whoami", { env })).json.data["agentFile"]).toBe(box.path(file));
    }
  });

  test("a configuration folder may be readable by others, and not writable", async () => {
    const env = { LEZ_AGENT_PAY_HOME: "", XDG_CONFIG_HOME: box.path("xdg") };
    mkdirSync(box.path("xdg/lez-agent-pay"), { recursive: true });
    chmodSync(box.path("xdg/lez-agent-pay"), 0o777);
    expect((await box.run("agent create", { env })).exit).toBe(EXIT.unsafePermissions);
    chmodSync(box.path("xdg/lez-agent-pay"), 0o755);
    expect((await box.run("agent create", { env })).exit).toBe(EXIT.ok);
  });

  test("a configured file is where the key is made", async () => {
    await box.run("doctor"); // makes the state directory
    box.write("home/config.json", { agentFile: "../bot.json" });
    expect((await box.run("agent create")).json.data["file"]).toBe(box.path("bot.json"));
    expect((await box.run("whoami")).json.data["agentFile"]).toBe(box.path("bot.json"));
  });

  test("an existing key stays", async () => {
    await box.run("agent create");
    const again = await box.run("agent create");
    expect([again.exit, again.json.error.code]).toEqual([EXIT.usage, "file_exists"]);
  });
});

describe("a missing key", () => {
  test("is made by the command that the hint names, which needs no file", async () => {
    const missing = await box.run("whoami");
    expect([missing.exit, missing.json.next?.argv]).toEqual([EXIT.notSetUp, ["lez-agent-pay", "agent", "create"]]);
    expect(missing.json.error.hint).toContain("lez-agent-pay agent create");
    expect((await box.run(missing.json.next?.argv.slice(1) ?? [])).exit).toBe(EXIT.ok);
    expect((await box.run("whoami")).exit).toBe(EXIT.ok);
  });

  test("that was named is made under its name", async () => {
    const { next } = (await box.run("balance --owner-file ./savings.json")).json;
    expect(next?.argv).toEqual(["lez-agent-pay", "owner", "create", "--out", box.path("savings.json")]);
  });
});

test("a key that version 0.1 made in the current folder is found there, until there is one beside the configuration", async () => {
  await shared.run("agent create --out ./agent.json");
  const found = () => {
    const ran = spawnSync(process.execPath, [BIN, "whoami"], { cwd: shared.directory, env: shared.env, encoding: "utf8" });
    return (JSON.parse(ran.stdout) as { data: { agentFile: string } }).data.agentFile;
  };
  expect(found()).toBe(shared.path("agent.json"));
  await shared.run("agent create");
  expect(found()).toBe(shared.path("home/agent.json"));
});
