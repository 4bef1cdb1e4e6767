/** The rooms of the house in spec/architecture.md, from the lint configuration that enforces them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { House, Houses } from "./lint/rooms.ts";
import { item, replaceGenerated, wrapped } from "./markdown.ts";

const PAGE = "spec/architecture.md";
const CONFIGURATION = join(import.meta.dirname, "../.oxlintrc.json");

/** File name, from the root of the repository → content. */
export function roomList(): Record<string, string> {
  const { rules } = JSON.parse(readFileSync(CONFIGURATION, "utf8")) as { rules: { "house/rooms": [string, Houses] } };
  const [, houses] = rules["house/rooms"];
  const sections = Object.entries(houses).map(([name, house]) => section(name, house));
  return { [PAGE]: replaceGenerated(PAGE, "rooms", sections.join("\n")) };
}

function section(name: string, { holds, uses = [], types = [], floors = [] }: House): string {
  const list = (names: readonly string[]) => names.map((other) => `\`${other}/\``).join(", ");
  const imports =
    uses.length === 0 ? "Imports nothing of ours." : `Imports ${list(uses)}${types.length > 0 ? ` and types of ${list(types)}` : ""}.`;
  const rooms = floors.map((floor) =>
    item(
      Object.entries(floor)
        .map(([room, what]) => `\`${room === "." ? "(its own files)" : room}\`: ${what}`)
        .join(" · "),
    ),
  );
  return `${wrapped(`**\`${name}/\`**: ${holds}. ${imports}`)}${rooms.length > 0 ? `\n${rooms.join("")}` : ""}`;
}
