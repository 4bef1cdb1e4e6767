/** The lint rules of this repository, as a plugin for oxlint. */

import { prose } from "./prose.ts";
import { rooms } from "./rooms.ts";

export default { meta: { name: "house" }, rules: { prose, rooms } };
