import { expect, test } from "vitest";
import { humanText } from "./text.ts";

test("text for people is bounded in code points, not in UTF-16 units", () => {
  const schema = humanText(3);
  expect(["", "a", "😀😀😀", "aaaa"].map((text) => schema.safeParse(text).success)).toEqual([false, true, true, false]);
});
