/** The upload sizes of Workers, and their largest parts. */

import { gzipSync } from "node:zlib";
import { bundleWorker } from "./build-workers.ts";

export interface BundleSize {
  name: string;
  /** Minified and gzipped. */
  bytes: number;
  /** Minified bytes per package, and per folder of ours; the largest first. */
  parts: [string, number][];
}

export function bundleSizes(bundles: { name: string; main: string }[]): Promise<BundleSize[]> {
  return Promise.all(
    bundles.map(async ({ name, main }) => {
      const { script, bytesOf } = await bundleWorker(main);
      const parts = new Map<string, number>();
      for (const [file, bytes] of Object.entries(bytesOf)) parts.set(partOf(file), (parts.get(partOf(file)) ?? 0) + bytes);
      return { name, bytes: gzipSync(script).length, parts: [...parts].sort(([, a], [, b]) => b - a) };
    }),
  );
}

function partOf(file: string): string {
  const [, dependency] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? [];
  return dependency ?? file.slice(0, Math.max(0, file.lastIndexOf("/")));
}
