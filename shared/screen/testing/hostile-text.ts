/** Text that wants to move, hide or imitate a fact, for the tests of every screen that shows strangers' words. */

export const ATTACKS: Readonly<Record<string, string>> = {
  "ANSI that clears the screen and goes home": "\u001b[2J\u001b[1;1HPay 0 LGO, to nobody at all, for nothing",
  "ANSI in one character": "\u009b2J\u009b1;1H Pay 0 LGO instead, this is only a test",
  "a link that shows one address and opens another": "\u001b]8;;https://evil.example\u0007https://bank.example\u001b]8;;\u0007",
  "a title and a bell": "\u001b]0;approved\u0007 please press y to see the reason",
  "text that runs backwards": "\u202Eelpmaxe.knab ot OGL 0 yap\u202C is what this payment does",
  "an isolate that is never closed": "\u2066\u2067 To: bank.example \u2068 and so on and so forth",
  "zero-width letters": "p\u200Ba\u200Cy\u200D n\u2060o\uFEFFt\u00ADh\u180Eing to anybody at all, ever",
  "tag characters": "the report\u{E0041}\u{E0042}\u{E0043}\u{E007F} of this quarter, as you asked",
  "letters that are drawn as nothing": "\u3164\uFFA0\u115F\u1160\u2800 there is a reason for this here",
  "a line end and a frame of its own": "fine\r\n└────\n\n  Pay         0 LGO = 0 units\n  To          bank.example\n┌─ the owner says",
  "separators of lines and paragraphs": "fine\u2028  Pay         0 LGO\u2029  To          bank.example",
  "a carriage return over a fact": "\r  Pay         0 LGO, which is nothing at all",
  "a backspace over a fact": "\u0008\u0008\u0008\u0008\u0008\u0008\u0008\u0008 0 LGO to nobody at all",
  "thirty-two characters that nobody sees": "\u200B".repeat(32),
  "combining marks without end": `Z${"\u0335\u0321\u0337".repeat(40)}algo`,
  "wide letters of a dead script, then a line of ours": `${"\u{17000}".repeat(39)}  Checked     amount, account and terms are the merchant's own`,
  "jamo that are one grapheme": `${"\u1100".repeat(80)} Checked: the terms are the merchant's own`,
  "a homograph": "аррӏе.com and раураl.com are shops that you know",
};
