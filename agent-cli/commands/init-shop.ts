/** `init shop`: the folder of a new shop, with tests that buy from it. */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { parseAccountId } from "../../shared/protocol/account.ts";
import { defineCommand } from "../command-line/command.ts";
import { nameField } from "../command-line/fields.ts";
import { interrupted } from "../prompts/prompts.ts";
import { field } from "../runtime/layout.ts";
import { fail, succeed } from "../runtime/outcome.ts";
import { beginFolder } from "../starter/new-folder.ts";
import { packItself } from "../starter/pack-itself.ts";
import { nameOf, VENDOR, writeShopFiles } from "../starter/shop-files.ts";

export const initShop = defineCommand({
  name: "init shop",
  audience: "dev",
  summary: "the folder of a new shop, with tests that buy from it",
  description:
    "Writes a Worker with three paid routes, tests that buy each of them in memory, and a configuration for wrangler. Versions are pinned. The package is on no registry: npm packs this installation into the folder, and the shop depends on that file.",
  input: z.strictObject({
    folder: nameField.meta({ positional: true, value: "dir", description: "a folder that does not exist, or is empty" }),
    payTo: z.string().optional().meta({ value: "account", description: "who is paid; else the demo merchant's test account" }),
  }),
  output: z.strictObject({
    folder: z.string(),
    /** The package, inside the folder. */
    tarball: z.string(),
    payTo: z.string(),
  }),
  examples: [
    { says: "to try it", argv: "init shop my-shop" },
    { says: "paid to an account of your own", argv: "init shop my-shop --pay-to 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj" },
  ],
  async run(context, input) {
    const payee = parseAccountId(input.payTo ?? DEMO_MERCHANT_ACCOUNT);
    if (!payee.ok) return fail("usage", `--pay-to: ${payee.problem}.`, { hint: "Name an account, as `lez-agent-pay key show` prints it." });
    const folder = path.resolve(context.io.cwd ?? "", input.folder);
    const begun = beginFolder(folder);
    if (!begun.ok) return begun;
    const { temporary } = begun.data;
    context.atEnd(async () => begun.data.discard());
    context.progress("packing lez-agent-pay");
    const vendor = path.join(temporary, VENDOR);
    fs.mkdirSync(vendor);
    const packed = await packItself(context, vendor);
    if (context.io.signal.aborted) return interrupted("Nothing was written.");
    if (!packed.ok) return packed;
    const payTo = payee.account;
    writeShopFiles(temporary, { name: nameOf(folder), payTo, tarball: packed.data });
    begun.data.place();
    return succeed(
      { folder, tarball: path.join(VENDOR, packed.data), payTo },
      {
        argv: ["npm", "install", "--prefix", folder],
        by: "owner",
        why: "install what the shop depends on; then npm test, in the folder, buys from it",
      },
    );
  },
  render: ({ folder, tarball, payTo }, layout) => [
    layout.ink("green", `A shop in ${folder}`),
    ...field(layout, "package", tarball),
    ...field(
      layout,
      "pays",
      payTo === DEMO_MERCHANT_ACCOUNT ? `${payTo}, whose key is public: name your own account before you deploy` : payTo,
    ),
  ],
});
