/** `pins list`: the pinned merchants, their accounts and keys. */

import * as z from "zod";
import { isNativeNetwork } from "../../shared/lez.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { defineCommand } from "../command-line/command.ts";
import { allPins, isExpired, networkOf } from "../records/merchant-pins.ts";
import { field, wrap } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";

export const pinsList = defineCommand({
  name: "pins list",
  audience: "owner",
  readOnly: true,
  summary: "the known merchants, their accounts and keys",
  input: z.strictObject({}),
  output: z.strictObject({
    pins: z.array(
      z.strictObject({
        origin: z.string(),
        /** Its account on another network is another pin. */
        network: z.string(),
        payTo: z.string(),
        /** The key that signs its terms. */
        publicKey: z.string().optional(),
        kid: z.string().optional(),
        firstSeenAt: z.string(),
        lastSeenAt: z.string(),
        /** The last visit is too long ago to count. */
        expired: z.boolean(),
      }),
    ),
    /** Pins that cannot be read: their merchants are refused until the owner forgets them. */
    unreadable: z.array(z.strictObject({ file: z.string(), problem: z.string(), fix: z.string() })),
  }),
  examples: [
    { says: "who is known", argv: "pins list" },
    { says: "to compare a key with the one that the merchant states elsewhere", argv: "pins list --json" },
  ],
  async run(context) {
    const pins = allPins(context);
    if (!pins.ok) return pins;
    return succeed({
      unreadable: pins.data.unreadable,
      pins: pins.data.pins.map(({ key, ...pin }) => ({
        ...pin,
        network: networkOf(pin),
        ...(key && { publicKey: key.publicKey, kid: key.kid }),
        expired: isExpired({ ...pin }),
      })),
    });
  },
  render: ({ pins, unreadable }, layout) => [
    ...pins.flatMap(({ origin, network, payTo, publicKey, firstSeenAt, lastSeenAt, expired }) => [
      layout.ink("bold", origin),
      ...(isNativeNetwork(network) ? field(layout, "network", network) : []),
      ...field(layout, "account", payTo),
      ...field(layout, "key", publicKey ?? "none: it does not sign its terms"),
      ...field(layout, "seen", `first ${firstSeenAt}, last ${lastSeenAt}${expired ? "; too long ago to count" : ""}`),
    ]),
    ...(pins.length + unreadable.length === 0 ? ["No merchant is known yet."] : []),
    ...unreadable.flatMap(({ problem, fix }) => [
      ...wrap(`! ${showUnsafe(problem)}`, layout.width).map((line) => layout.ink("yellow", line)),
      `  ${showUnsafe(fix)}`,
    ]),
  ],
});
