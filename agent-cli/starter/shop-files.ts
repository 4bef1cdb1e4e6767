/** The files of a new shop: those of starter/, and those that name versions and the shop itself. */

import * as fs from "node:fs";
import * as path from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { jsonText } from "../runtime/files.ts";
import { MAX_WORKER_NAME_LENGTH } from "../runtime/limits.ts";
import { packageRoot } from "../runtime/package-root.ts";

/** Where a shop keeps the package, which is on no registry. */
export const VENDOR = "vendor";

const { hono, vitest, wrangler, typescript, ...versions } = packageJson.devDependencies;

/**
 * Writes into an empty folder. Every version is the one that this package was tried with.
 * @param tarball the file of the package in VENDOR
 */
export function writeShopFiles(folder: string, shop: { name: string; payTo: AccountId; tarball: string }): void {
  fs.cpSync(path.join(packageRoot(), "starter"), folder, { recursive: true });
  // npm leaves a .gitignore out of every package.
  fs.renameSync(path.join(folder, "gitignore"), path.join(folder, ".gitignore"));
  const configuration = path.join(folder, "wrangler.toml");
  const written = fs.readFileSync(configuration, "utf8");
  fs.writeFileSync(configuration, written.replace('name = "shop"', `name = "${shop.name}"`).replace(DEMO_MERCHANT_ACCOUNT, shop.payTo));
  fs.writeFileSync(path.join(folder, "package.json"), jsonText(packageOf(shop)));
  fs.writeFileSync(path.join(folder, "tsconfig.json"), jsonText(TSCONFIG));
}

/** A name that npm and the Workers platform both take. */
export function nameOf(folder: string): string {
  const name = path
    .basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, MAX_WORKER_NAME_LENGTH);
  return name.replaceAll(/^-|-$/g, "") || "shop";
}

function packageOf({ name, tarball }: { name: string; tarball: string }) {
  return {
    name,
    private: true,
    type: "module",
    scripts: { test: "vitest run", types: "tsc", dev: "wrangler dev", deploy: "wrangler deploy" },
    dependencies: { hono, [packageJson.name]: `file:${VENDOR}/${tarball}` },
    devDependencies: {
      "@cloudflare/vitest-pool-workers": versions["@cloudflare/vitest-pool-workers"],
      "@cloudflare/workers-types": versions["@cloudflare/workers-types"],
      typescript,
      vitest,
      wrangler,
    },
    engines: packageJson.engines,
  };
}

const TSCONFIG = {
  compilerOptions: {
    target: "es2024",
    lib: ["es2024"],
    types: ["@cloudflare/workers-types"],
    module: "preserve",
    moduleResolution: "bundler",
    allowImportingTsExtensions: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
    noEmit: true,
  },
};
