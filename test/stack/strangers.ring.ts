import { test } from "vitest";
import { expectNothingStored } from "./strangers.ts";

const STRANGERS = Number(process.env["STRANGERS"] ?? 10_000);

test(`${STRANGERS} keys without money make no object and no row, whatever they call`, () => expectNothingStored(STRANGERS), 1_200_000);
