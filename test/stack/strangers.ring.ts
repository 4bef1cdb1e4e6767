import { test } from "vitest";
import { expectNothingStored } from "./strangers.ts";

test("10,000 keys without money make no object and no row, whatever they call", () => expectNothingStored(10_000));
