import { build } from "esbuild";
import { expect, test } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import { NATIVE_NETWORKS } from "../shared/lez.ts";
import { chainWith } from "../workers/lez-devnet/testing/devnet-chain.ts";

test("the native Worker is configured for the devnet as it comes, which the local stack starts [native-devnet-genesis]", () => {
  const { vars } = readConfig({ config: "workers/native/wrangler.toml" });
  expect(vars).toMatchObject({ NATIVE_NETWORK: NATIVE_NETWORKS[1], SEQUENCER_LEDGER: chainWith([]).genesis, SEQUENCER_URL: "" });
});

test("the native Worker's start evaluates no part of the curve: its first payment does [native-lazy-curve]", async () => {
  const { metafile } = await build({
    entryPoints: ["workers/native/index.ts"],
    bundle: true,
    splitting: true,
    format: "esm",
    outdir: "dist/not-written",
    write: false,
    metafile: true,
    external: ["cloudflare:*"],
  });
  const entry = Object.keys(metafile.outputs).find((path) => metafile.outputs[path]?.entryPoint === "workers/native/index.ts") ?? "";
  const evaluated = new Set([entry]);
  for (const path of evaluated) {
    for (const { kind, path: next } of metafile.outputs[path]?.imports ?? []) if (kind === "import-statement") evaluated.add(next);
  }
  const files = [...evaluated].flatMap((path) => Object.keys(metafile.outputs[path]?.inputs ?? {}));
  expect(files).toContain("workers/native/chain-watch.ts");
  expect(files.filter((file) => file.includes("@noble/curves"))).toEqual([]);
  expect(Object.values(metafile.outputs).some(({ inputs }) => Object.keys(inputs).some((file) => file.includes("@noble/curves")))).toBe(
    true,
  );
});
