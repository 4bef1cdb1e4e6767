/** The ledger Worker: home of the Durable Object, and nothing to see from outside. */
import { errorBody } from "../../shared/errors.ts";

export { Ledger } from "./ledger.ts";

export default {
  fetch: () => Response.json(errorBody("not_found"), { status: 404 }),
} satisfies ExportedHandler;
