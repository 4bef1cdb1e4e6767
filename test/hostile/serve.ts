/**
 * A hostile peer by its name, until Ctrl-C:
 *
 *     npx node test/hostile/serve.ts merchant [key document]
 *     npx node test/hostile/serve.ts facilitator [mode]
 *
 * PORT chooses the port, HONEST the facilitator behind the hostile one (http://127.0.0.1:8788, that of `npm run stack`).
 */

import { MODE_NAMES, MODES, startHostileFacilitator } from "./facilitator.ts";
import { startHostileMerchant } from "./merchant.ts";
import { DOCUMENT_NAMES, DOCUMENTS } from "./signing.ts";
import { TRICK_NAMES, TRICKS } from "./tricks.ts";

const [what, mode = "honest"] = process.argv.slice(2);
const port = Number(process.env["PORT"] ?? 0);
const list = (table: Record<string, { does: string }>, prefix: string) => {
  for (const [name, { does }] of Object.entries(table)) console.log(`  ${`${prefix}${name}`.padEnd(25)} ${does}`);
};

const known = MODE_NAMES.find((name) => name === mode);
if (what === "merchant") {
  const { origin, publish } = await startHostileMerchant(port);
  const document = DOCUMENT_NAMES.find((name) => name === mode) ?? "honest";
  publish(document);
  console.log(`A hostile merchant on ${origin}, ${TRICK_NAMES.length} tricks:\n`);
  list(TRICKS, "/");
  console.log(`\nIts /.well-known/did.json is ${document}: ${DOCUMENTS[document].does}. The others:\n`);
  list(DOCUMENTS, "");
} else if (what === "facilitator" && known) {
  const honest = process.env["HONEST"] ?? "http://127.0.0.1:8788";
  const facilitator = await startHostileFacilitator(() => honest, port);
  facilitator.misbehave(known);
  console.log(`A hostile facilitator on ${facilitator.url} in front of ${honest}: ${MODES[known].does}. The modes:\n`);
  list(MODES, "");
} else {
  console.error(`usage: npx node test/hostile/serve.ts merchant [${DOCUMENT_NAMES.join(" | ")}] | facilitator [${MODE_NAMES.join(" | ")}]`);
  process.exitCode = 2;
}
