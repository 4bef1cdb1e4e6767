/** Times the built CLI as an agent and its owner run it: one process per command, stack and merchant on loopback. */

import { spawnSync } from "node:child_process";
import { copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ON_CORES } from "./cores.ts";
import { productionBundles, serve } from "./sites.ts";
import { median } from "./statistics.ts";
import { temporaryDirectory } from "./temporary.ts";

export interface CliTiming {
  what: string;
  /** Milliseconds. */
  median: number;
  slowest: number;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export async function timeCli(runs: number): Promise<CliTiming[]> {
  command(process.execPath, ["scripts/build.ts"], ROOT);
  const stack = await serve(await productionBundles(), "lez-merchant", ON_CORES.workerd, ["lez-merchant", "lez-facilitator"]);
  const home = temporaryDirectory();
  try {
    // As in the package, where there is no TypeScript to run instead.
    await mkdir(join(home, "agent-cli"));
    await copyFile(join(ROOT, "agent-cli/bin.js"), join(home, "agent-cli/bin.js"));
    await copyFile(join(ROOT, "package.json"), join(home, "package.json"));
    await symlink(join(ROOT, "dist"), join(home, "dist"));
    const env = { LEZ_AGENT_PAY_HOME: join(home, "home"), LEZ_FACILITATOR_URL: stack.workerd.origin("lez-facilitator") };
    const cli = (line: string, code = 0) =>
      command(process.execPath, [join(home, "agent-cli/bin.js"), ...line.split(" ")], home, env, code);

    cli("owner create --out owner.json --insecure-plaintext");
    cli("agent create --out agent.json --name bench");
    cli("faucet --owner-file owner.json");

    const [help, approval, purchase]: number[][] = [[], [], []];
    for (let run = 0; run < runs; run++) {
      help?.push(cli("--help").millis);
      const asked = cli(
        `fetch ${stack.origin}/premium --agent-file agent.json --again --reason the-report-number-${run}-answers-your-question-of-today`,
        10,
      );
      const request = digestIn(asked.stdout);
      const approved = cli(`approve ${request} --owner-file owner.json --confirm ${request}`);
      const paid = cli(`fetch --resume ${request}`);
      approval?.push(approved.millis);
      purchase?.push(asked.millis + approved.millis + paid.millis);
    }
    return [
      timing("`--help`", help),
      timing("`approve`, signed with a key that is not sealed (no scrypt)", approval),
      timing("`fetch`, `approve --confirm`, `fetch --resume`: from a 402 to what was bought", purchase),
    ];
  } finally {
    await stack.stop();
  }
}

function timing(what: string, millis: number[] = []): CliTiming {
  return { what, median: Math.round(median(millis)), slowest: Math.round(Math.max(...millis)) };
}

function command(file: string, args: string[], cwd: string, env: Record<string, string> = {}, code = 0) {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(file, args, { cwd, env: { PATH: process.env["PATH"], ...env }, encoding: "utf8" });
  const millis = performance.now() - start;
  if (status !== code) throw new Error(`${args.join(" ")}: exit ${status}\n${stdout}${stderr}`);
  return { millis, stdout };
}

function digestIn(stdout: string): string {
  const [, digest] = /"requestDigest":"([0-9a-f]{64})"/.exec(stdout) ?? [];
  if (!digest) throw new Error(`no request in ${stdout}`);
  return digest;
}
