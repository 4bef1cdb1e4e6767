/** Writing systems whose letters look like each other's. */

const LOOKALIKES = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u, /\p{Script=Cherokee}/u];

/** True if one word has letters of two such scripts: `pаypal` with a Cyrillic а. Two words in two scripts are two languages. */
export function mixesScripts(text: string): boolean {
  return text.split(/[^\p{L}\p{M}]+/u).some((word) => LOOKALIKES.filter((script) => script.test(word)).length > 1);
}
