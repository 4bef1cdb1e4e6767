import { execFileSync } from "node:child_process";
import fs, { appendFileSync, chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { sandbox } from "../testing/cli.ts";
import { checkWritable, ensurePrivateDirectory, readBytes, writeWhole } from "./files.ts";

const box = sandbox();
const code = (outcome: ReturnType<typeof readBytes> | ReturnType<typeof writeWhole>) => (outcome.ok ? "ok" : outcome.error.code);

describe("reading", () => {
  const what = "file";

  test("is bounded: the limit passes, one byte more does not", () => {
    const file = box.write("sized", "x".repeat(100));
    expect(code(readBytes(file, { what, maxBytes: 100 }))).toBe("ok");
    expect(code(readBytes(file, { what, maxBytes: 99 }))).toBe("invalid_file");
  });

  test("takes what a file has grown to meanwhile, up to the limit, and no more memory than that", () => {
    const file = box.write("growing", "x");
    const grow = (bytes: number) => () => {
      appendFileSync(file, "y".repeat(bytes));
      return undefined;
    };
    const grown = readBytes(file, { what, maxBytes: 20_000, opened: grow(9_999) });
    expect(grown.ok && Buffer.from(grown.data).toString()).toBe(`x${"y".repeat(9_999)}`);
    expect(code(readBytes(file, { what, maxBytes: 20_000, opened: grow(10_001) }))).toBe("invalid_file");
    const small = readBytes(box.write("small", "x"), { what, maxBytes: 1024 ** 4 }); // a buffer of the limit could not be made
    expect(small.ok && small.data.length).toBe(1);
  });

  test("takes regular files only, and does not hang on a pipe", () => {
    const pipe = box.path("pipe");
    execFileSync("sh", ["-c", `mkfifo "$0"`, pipe]);
    for (const file of [pipe, box.directory, "/dev/zero", box.path("nowhere")])
      expect(code(readBytes(file, { what }))).toBe("invalid_file");
  });

  test("does not follow a symbolic link", () => {
    symlinkSync(box.write("target", "x"), box.path("link"));
    expect(readBytes(box.path("link"), { what })).toMatchObject({ ok: false, exit: 32 });
  });

  test("of a secret asks for mode 0600 or tighter", () => {
    const file = box.write("secret", "x");
    for (const [mode, expected] of [
      [0o600, "ok"],
      [0o400, "ok"],
      [0o640, "unsafe_permissions"],
      [0o602, "unsafe_permissions"],
    ] as const) {
      chmodSync(file, mode);
      expect(code(readBytes(file, { what, secret: true }))).toBe(expected);
    }
  });
});

describe("writing", () => {
  test("makes a private file and leaves nothing else behind", () => {
    mkdirSync(box.path("fresh"));
    const file = path.join(box.path("fresh"), "new");
    expect(code(writeWhole(file, "content", false))).toBe("ok");
    expect(readFileSync(file, "utf8")).toBe("content");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(box.path("fresh"))).toEqual(["new"]);
  });

  test("replaces a file only when forced, and then closes it to others", () => {
    const file = box.write("old", "old", 0o644);
    expect(code(writeWhole(file, "new", false))).toBe("file_exists");
    expect(readFileSync(file, "utf8")).toBe("old");
    expect(code(writeWhole(file, "new", true))).toBe("ok");
    expect(readFileSync(file, "utf8")).toBe("new");
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("never writes through a link or onto a directory, forced or not", () => {
    const victim = box.write("victim", "precious");
    symlinkSync(victim, box.path("trap"));
    symlinkSync(box.path("absent"), box.path("dangling"));
    expect(code(writeWhole(box.path("trap"), "x", true))).toBe("unsafe_permissions");
    expect(code(writeWhole(box.path("dangling"), "x", true))).toBe("unsafe_permissions");
    expect(code(writeWhole(box.directory, "x", true))).toBe("file_exists");
    expect(readFileSync(victim, "utf8")).toBe("precious");
  });

  test("into a directory that is not there says so", () => {
    expect(writeWhole(box.path("no/such/dir"), "x", false)).toMatchObject({ ok: false, error: { code: "file_not_written" } });
    expect(checkWritable(box.path("no/such/dir"), false)).toEqual(writeWhole(box.path("no/such/dir"), "x", false));
  });
});

test("a private directory is made 0700, and refused when it is open to others", () => {
  const directory = box.path("state/deep");
  expect(ensurePrivateDirectory(directory).ok).toBe(true);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  chmodSync(directory, 0o755);
  expect(ensurePrivateDirectory(directory)).toMatchObject({ ok: false, exit: 32, error: { hint: `Run: chmod 700 ${directory}` } });
});

test("a file in the place of a private directory is named as what it is", () => {
  const file = box.write("no-directory", "x");
  expect(ensurePrivateDirectory(file)).toMatchObject({ ok: false, error: { message: expect.stringContaining("it is not a directory") } });
});

test("below a place where nothing can be made, a directory is refused, and soon", () => {
  const argv = [
    "--input-type=module",
    "-e",
    `import(${JSON.stringify(path.join(import.meta.dirname, "files.ts"))})
    .then(({ ensurePrivateDirectory }) => console.log(ensurePrivateDirectory("/proc/nope/deeper").error.code))`,
  ];
  expect(execFileSync(process.execPath, argv, { encoding: "utf8", timeout: 10_000 })).toBe("file_not_written\n");
});

test("what is written is flushed, and then the name that it was given", () => {
  const flushed: boolean[] = [];
  const { fsyncSync } = fs;
  onTestFinished(() => {
    fs.fsyncSync = fsyncSync;
    syncBuiltinESMExports();
  });
  fs.fsyncSync = (fd) => {
    flushed.push(fs.fstatSync(fd).isDirectory());
    fsyncSync(fd);
  };
  syncBuiltinESMExports();
  expect(writeWhole(box.path("lasting"), "x", false).ok).toBe(true);
  expect(flushed).toEqual([false, true]);
});

test("no hint says to change the mode of a system directory", () => {
  for (const directory of ["/usr", "/"]) {
    const refused = ensurePrivateDirectory(directory);
    expect(refused).toMatchObject({
      ok: false,
      error: { code: "unsafe_permissions", hint: expect.stringContaining("LEZ_AGENT_PAY_HOME") as string },
    });
    expect(JSON.stringify(refused)).not.toMatch(/chmod|chown/);
  }
});
