/** What an agent's commands can reach: the kinds of addresses, and the policy on the wire. */

import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import { describe, expect, onTestFinished, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";
import { addressKind } from "./egress.ts";
import { EXIT } from "./exit-codes.ts";

describe("an address", () => {
  test.each([
    ["public", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::101:101", "::ffff:8.8.8.8", "172.32.0.1", "100.128.0.1"]],
    ["loopback", ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::7f00:1"]],
    ["private", ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255"]],
    [
      "private",
      ["224.0.0.1", "198.18.0.1", "192.0.2.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::", "2001:db8::1"],
    ],
    ["private", ["2002:7f00:1::", "64:ff9b::a00:1", "64:ff9b:1::1", "::ffff:a9fe:a9fe", "fec0::1", "4000::1", "no address"]],
  ])("is %s: %j [egress-kinds]", (kind, addresses) => {
    for (const address of addresses) expect([address, addressKind(address)]).toEqual([address, kind]);
  });
});

describe("an agent's command", async () => {
  const box = sandbox();
  const merchant = await startMerchant();
  const facilitator = await startFacilitator();
  const { ask, approve } = await people(box);
  await box.run("doctor"); // makes the state directory
  const policy = (egress: object) =>
    box.write("home/config.json", { facilitatorUrl: facilitator.url, agentFile: box.path("agent.json"), egress });
  const port = new URL(merchant.url).port;
  let asked = 0;
  merchant.behaviour = { instead: () => (asked++, false) };
  const REASON = "The comparison you asked for needs the figures of this report.";

  test.each([["quote"], ["fetch", "--reason", REASON], ["request", "create", "--reason", REASON], ["http", "get", "--url"]])(
    "%s reaches no service of this machine unless its owner opened it",
    async (...words) => {
      policy({});
      asked = 0;
      const before =
        words.at(-1) === "--url" ? words : words.slice(0, words.indexOf("--reason") < 0 ? undefined : words.indexOf("--reason"));
      for (const host of ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"]) {
        const url = `http://${host}:${port}/premium`;
        const run = await box.run([...before, url, ...words.slice(before.length), ...(host.startsWith("[") ? ["--allow-http"] : [])]);
        expect([host, run.exit, run.json.error.code]).toEqual([host, EXIT.notSetUp, "egress_denied"]);
        expect(run.json.error.hint).toBe(`Its owner may run: lez-agent-pay config allow ${new URL(url).origin}`);
      }
      expect(asked).toBe(0);
    },
  );

  test("reaches exactly the origin that its owner opened, and no other port or name", async () => {
    policy({ loopback: [merchant.origin] });
    expect((await box.run(["quote", merchant.url])).exit).toBe(EXIT.ok);
    for (const url of [
      `http://localhost:${port}/premium`,
      `${facilitator.url.replace("127.0.0.1", "localhost")}/health`,
      "http://127.0.0.1:9/",
    ])
      expect((await box.run(["quote", url])).json.error.code).toBe("egress_denied");
  });

  test("is not led to this machine by a name [egress-resolved]", async () => {
    policy({ private: [`http://rebound.example:${port}`] });
    const { lookup } = dns;
    onTestFinished(() => {
      dns.lookup = lookup;
      syncBuiltinESMExports();
    });
    dns.lookup = ((_: string, __: object, done: (error: null, found: object[]) => void) =>
      done(null, [
        { address: "127.0.0.1", family: 4 },
        { address: "::ffff:127.0.0.1", family: 6 },
      ])) as unknown as typeof lookup;
    syncBuiltinESMExports();
    asked = 0;
    const run = await box.run(["quote", `http://rebound.example:${port}/premium`, "--allow-http"]);
    expect([run.json.error.code, run.json.error.details?.["address"], asked]).toEqual(["egress_denied", "127.0.0.1", 0]);
    policy({ loopback: [`http://rebound.example:${port}`] });
    await box.run(["quote", `http://rebound.example:${port}/premium`, "--allow-http"]);
    expect(asked).toBe(1);
  });

  test("reaches the configured facilitator, and not one that it names itself", async () => {
    policy({});
    const other = await startFacilitator();
    const balance = (...words: string[]) => box.run(["balance", "--account", DEMO_MERCHANT_ACCOUNT, ...words]);
    expect((await balance()).exit).toBe(EXIT.ok);
    expect((await balance("--facilitator-url", other.url)).json.error.code).toBe("egress_denied");
    expect((await box.run(["balance", "--account", DEMO_MERCHANT_ACCOUNT], { env: { LEZ_FACILITATOR_URL: other.url } })).exit).toBe(
      EXIT.ok,
    );
  });

  test("presents no payment there, and the journal says that nothing left", async () => {
    policy({ loopback: [merchant.origin] });
    const { digest } = await ask(merchant.url, "request.json");
    expect((await approve("request.json", "payload.json", ["--confirm", digest])).exit).toBe(EXIT.ok);
    policy({});
    expect((await box.run("pay ./payload.json")).json.error.code).toBe("egress_denied");
    expect(merchant.presented).toEqual([]);
    expect(box.read<{ state: string }>(`home/payments/${digest}.json`).state).toBe("unsent");
    policy({ loopback: [merchant.origin] });
    expect((await box.run("pay ./payload.json")).exit).toBe(EXIT.ok);
  });

  test("whose policy cannot be read reaches nothing", async () => {
    box.write("home/config.json", "{");
    asked = 0;
    expect((await box.run(["quote", merchant.url])).json.error.code).toBe("invalid_file");
    expect(asked).toBe(0);
  });

  test("changes nothing when it only looks: a quote and a dry run send no POST [quote-sends-no-post]", async () => {
    policy({ loopback: [merchant.origin] });
    asked = 0;
    for (const words of [["quote"], ["fetch", "--dry-run", "--reason", REASON], ["request", "create", "--dry-run", "--reason", REASON]]) {
      const [first = "", ...rest] = words[0] === "request" ? ["request create", ...words.slice(2)] : words;
      const run = await box.run([...first.split(" "), merchant.url, "-d", "x", ...rest]);
      expect([words[0], run.exit, run.json.error.code]).toEqual([words[0], EXIT.usage, "usage"]);
      expect(run.json.error.message).toContain("sends no POST");
    }
    expect(asked).toBe(0);
  });
});

describe("config allow", () => {
  test("opens one exact origin, keeps the rest of the file, and twice is once", async () => {
    const box = sandbox();
    await box.run("doctor");
    box.write("home/config.json", { reasonMinimum: 60, egress: { private: ["https://tools.example.com"] } });
    for (const _ of [1, 2]) expect((await box.run("config allow http://127.0.0.1:8787")).json.data["kind"]).toBe("loopback");
    expect((await box.run("config allow https://10.0.0.7 --dry-run")).json.data).toMatchObject({ dryRun: true, kind: "private" });
    expect(box.read("home/config.json")).toEqual({
      reasonMinimum: 60,
      egress: { private: ["https://tools.example.com"], loopback: ["http://127.0.0.1:8787"] },
    });
    for (const odd of ["http://127.0.0.1:8787/x", "127.0.0.1:8787", "ftp://127.0.0.1", "http://u@127.0.0.1", "*"])
      expect((await box.run(["config", "allow", odd])).exit).toBe(EXIT.usage);
  });
});
