/** Wrong spellings of everything the protocol writes as a string. The right ones are in spec/protocol.md. */

const NOT_DECIMAL = ["", " 1", "1 ", "1\n", "+1", "-1", "01", "00", "1.0", "1.5", "1e3", "0x1", "1_000", "1,000", "١", "NaN", "Infinity"];

export const BAD_AMOUNTS = ["0", ...NOT_DECIMAL, (2n ** 128n).toString(), "9".repeat(39), `1${"0".repeat(39)}`, "1".repeat(5000)];
export const GOOD_AMOUNTS = ["1", (2n ** 128n - 1n).toString(), `1${"0".repeat(38)}`];

export const BAD_UNIX_SECONDS = [...NOT_DECIMAL, "1".repeat(13)];
export const BAD_TIMEOUTS = ["0", ...NOT_DECIMAL, "1000000"];

/** Wrong spellings of `bytes` bytes in lowercase hex. */
export function badHex(bytes: number): string[] {
  const right = "ab".repeat(bytes);
  const same = right.slice(1);
  return ["", same, `${right}a`, `${right}ab`, right.toUpperCase(), `g${same}`, `0x${right}`, ` ${same}`, `${same}\n`, `é${same}`];
}

/** 32 bytes of 0x07, in base58: the spelling that the wrong ones are made from. */
export const ACCOUNT = "US517G5965aydkZ46HS38QLi7UQiSojurfbQfKCELFx";
export const BAD_ACCOUNTS = [
  "",
  ..."0OIl".split("").map((letter) => `${letter}${ACCOUNT.slice(1)}`), // the four that base58 leaves out
  ACCOUNT.slice(1),
  `1${ACCOUNT}`, // 33 bytes: a leading zero
  `z${ACCOUNT}`, // 44 digits, above 2^256
  `${ACCOUNT} `,
  ` ${ACCOUNT}`,
  `Public/${ACCOUNT}`,
  `Private/${ACCOUNT}`,
  "1".repeat(31),
  "1".repeat(33),
  "z".repeat(44),
  "1".repeat(50_000),
];

export const BAD_TIMESTAMPS = [
  "",
  "2025-10-09",
  "2025-10-09T08:53:20",
  "2025-10-09 08:53:20Z",
  "2025-10-09t08:53:20z",
  "2025-10-09T08:53:20.000Z",
  "2025-10-09T08:53:20+00:00",
  "2025-10-09T08:53Z",
  "2025-02-30T00:00:00Z",
  "2025-13-01T00:00:00Z",
  "2025-10-09T24:00:00Z",
  "2025-10-09T23:59:60Z",
  "+002025-10-09T08:53:20Z",
  " 2025-10-09T08:53:20Z",
  "2025-10-09T08:53:20Z\n",
  "1760000000",
];

export const BAD_URLS = [
  "",
  "merchant.example.com",
  "/premium",
  "ftp://merchant.example.com/",
  "javascript:alert(1)",
  "file:///etc/passwd",
  "https://merchant.example.com", // no path
  "https://MERCHANT.example.com/",
  "HTTPS://merchant.example.com/",
  "https://merchant.example.com:443/",
  "https://merchant.example.com/a/../b",
  "https://merchant.example.com/a b",
  "https://merchant.example.com/é",
  "https://mérchant.example.com/",
  "https://merchant.example.com/#top",
  "https://merchant.example.com/#",
  "https://user@merchant.example.com/",
  "https://user:secret@merchant.example.com/",
  "https://:secret@merchant.example.com/",
  "https://merchant.example.com\\@other.example.com/",
  "https://merchant.example.com/\t",
  " https://merchant.example.com/",
  `https://merchant.example.com/${"a".repeat(2048)}`,
];

export const BAD_METHODS = ["", "get", "Get", "GET ", "GET\n", "G-T", "ÉT", "A".repeat(17)];

/** Text for people that is not: empty, not NFC, or longer than `max` code points. */
export function badText(max: number): string[] {
  return ["", "e\u0301", "\u212B", "a".repeat(max + 1), "😀".repeat(max + 1)];
}

/** What moves, hides or imitates text on a screen, one specimen of each class. */
export const HOSTILE_CHARACTERS: readonly (readonly [what: string, char: string])[] = [
  ["NUL", "\u0000"],
  ["backspace", "\b"],
  ["newline", "\n"],
  ["carriage return", "\r"],
  ["tab", "\t"],
  ["escape", "\u001B"],
  ["delete", "\u007F"],
  ["C1 control sequence introducer", "\u009B"],
  ["next line", "\u0085"],
  ["right-to-left override", "\u202E"],
  ["left-to-right embedding", "\u202A"],
  ["right-to-left isolate", "\u2067"],
  ["pop directional isolate", "\u2069"],
  ["right-to-left mark", "\u200F"],
  ["Arabic letter mark", "\u061C"],
  ["zero width space", "\u200B"],
  ["zero width non-joiner", "\u200C"],
  ["zero width joiner", "\u200D"],
  ["word joiner", "\u2060"],
  ["byte order mark", "\uFEFF"],
  ["soft hyphen", "\u00AD"],
  ["combining grapheme joiner", "\u034F"],
  ["Mongolian vowel separator", "\u180E"],
  ["Hangul filler", "\u3164"],
  ["half-width Hangul filler", "\uFFA0"],
  ["Hangul choseong filler", "\u115F"],
  ["Khmer inherent vowel", "\u17B4"],
  ["blank Braille pattern", "\u2800"],
  ["blank musical notehead", "\u{1D159}"],
  ["blank hieroglyph", "\u{13441}"],
  ["tag letter", "\u{E0041}"],
  ["language tag", "\u{E0001}"],
  ["line separator", "\u2028"],
  ["paragraph separator", "\u2029"],
  ["no-break space", "\u00A0"],
  ["ideographic space", "\u3000"],
  ["hair space", "\u200A"],
  ["variation selector 16", "\uFE0F"],
  ["variation selector 256", "\u{E01EF}"],
  ["Mongolian variation selector", "\u180B"],
  ["private use", "\uE000"],
  ["private use, plane 16", "\u{10FFFD}"],
  ["noncharacter", "\uFFFF"],
  ["unassigned", "\u0378"],
  ["interlinear annotation", "\uFFF9"],
];

/** What people write, by language: nothing of it may be refused or changed. */
export const ORDINARY_TEXTS = [
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
