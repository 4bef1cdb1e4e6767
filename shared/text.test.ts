import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HOSTILE_CHARACTERS } from "../test/spellings.ts";
import { humanText, isReasonMinimum, meaningfulLength, reasonSchema, showUnsafe } from "./text.ts";

const ORDINARY = [
  ["English", "The report costs $0.01; it's “worth it” – isn't it? (Yes: 100 %.)"],
  ["German", "Größe, Straße, Äpfel: für die Übersicht des nächsten Quartals."],
  ["French", "Où est passé l'œuvre ? Ça coûte 3,50 € à Noël."],
  ["Vietnamese", "Tôi cần báo cáo này để trả lời câu hỏi của khách hàng."],
  ["Czech", "Příliš žluťoučký kůň úpěl ďábelské ódy."],
  ["Greek", "Χρειάζομαι την αναφορά για την τρίτη ερώτηση."],
  ["Russian", "Мне нужен этот отчёт, чтобы ответить на третий вопрос."],
  ["Hebrew", "אני צריך את הדוח הזה כדי לענות על השאלה השלישית."],
  ["Arabic", "أحتاج إلى هذا التقرير للإجابة عن السؤال الثالث في الملخص."],
  ["Hindi", "मुझे ग्राहक के तीसरे प्रश्न का पूरा उत्तर देने के लिए यह रिपोर्ट चाहिए।"],
  ["Thai", "ฉันต้องการรายงานนี้เพื่อตอบคำถามข้อที่สามของลูกค้า"],
  ["Chinese", "我需要这份报告来回答简报中的第三个问题,请您批准这笔小额付款,以便我能够按时完成这项工作。"],
  ["Japanese", "ブリーフの第三問に答えるためにこのレポートが必要です。よろしくお願いいたします。"],
  ["Korean", "브리프의 세 번째 질문에 답하기 위해 이 보고서가 꼭 필요합니다. 부탁드립니다."],
  ["emoji and symbols", "Report 📈 for the team 🎉: 2 × 3 ≤ 7, √2 ≈ 1.41, ∑ → ∞, © ™ №"],
] as const;

const accepts = (text: string) => reasonSchema.safeParse(text).success;

describe("a reason", () => {
  test.each(ORDINARY)("can be given in %s", (_, text) => expect(accepts(text.normalize("NFC"))).toBe(true));

  test("has at least 32 visible characters", () => {
    expect([31, 32].map((length) => accepts("a".repeat(length)))).toEqual([false, true]);
    expect(accepts("a ".repeat(31))).toBe(false);
    expect(accepts("a ".repeat(32))).toBe(true);
  });

  test("has at most 2000 characters, counted as code points", () => {
    expect([2000, 2001].map((length) => accepts("😀".repeat(length)))).toEqual([true, false]);
  });

  test.each(HOSTILE_CHARACTERS)("cannot be made of %s", (_, char) => {
    expect(meaningfulLength(char.repeat(500))).toBe(0);
    expect(accepts(char.repeat(500))).toBe(false);
    expect(accepts(`Because.${char.repeat(500)}`)).toBe(false);
  });

  test("cannot be made of spaces, nor of combining marks piled on one letter", () => {
    expect(accepts(" ".repeat(100))).toBe(false);
    expect(accepts(`q${"\u0323\u0307".repeat(100)}`.normalize("NFC"))).toBe(false);
  });

  test("is well-formed and in normalisation form C", () => {
    const rest = "x".repeat(40);
    expect(["é", "e\u0301", "\u212B", "\ud800", "\udc00\ud800"].map((text) => accepts(text + rest))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

test("text for people is bounded in code points, not in UTF-16 units", () => {
  const schema = humanText(3);
  expect(["", "a", "😀😀😀", "aaaa"].map((text) => schema.safeParse(text).success)).toEqual([false, true, true, false]);
});

test("an owner may ask for 32 to 100 characters", () => {
  expect([31, 32, 100, 101, 50.5, Number.NaN].map(isReasonMinimum)).toEqual([false, true, true, false, false, false]);
});

describe("what is shown on a screen", () => {
  test.each(ORDINARY)("leaves %s alone", (_, text) => expect(showUnsafe(text)).toBe(text));

  test.each(HOSTILE_CHARACTERS)("names %s", (_, char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    expect(showUnsafe(`pay${char}me`)).toBe(`pay⟦U+${code}⟧me`);
  });

  test("takes the teeth out of an escape sequence and of text that runs backwards", () => {
    expect(showUnsafe("\u001B[2J\u001B]0;paid\u0007")).toBe("⟦U+001B⟧[2J⟦U+001B⟧]0;paid⟦U+0007⟧");
    expect(showUnsafe("pay \u202E00001")).toBe("pay ⟦U+202E⟧00001");
  });

  test("replaces half a surrogate pair", () => expect(showUnsafe("a\ud83db")).toBe("a\uFFFDb"));

  test("never contains an unsafe character, and is shown the same a second time", () => {
    const hostile = fc.constantFrom(...HOSTILE_CHARACTERS.map(([, char]) => char));
    const text = fc.array(fc.oneof(fc.string({ unit: "binary" }), hostile)).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (input) => {
        const shown = showUnsafe(input);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
        expect(showUnsafe(shown)).toBe(shown);
      }),
    );
  });
});
