import { test } from "vitest";
import { expectNothingStored } from "./strangers.ts";

/** `npm run strangers` does it with 10,000. */
test("keys without money make no object and no row, whatever they call [strangers-store-nothing]", () => expectNothingStored(25));
