/** The lint rules of this repository, as a plugin for oxlint. */
import { rooms } from "./rooms.ts";

export default { meta: { name: "house" }, rules: { rooms } };
