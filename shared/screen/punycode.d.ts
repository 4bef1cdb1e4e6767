/** The part of the punycode package that we use. Its bare name would be Node's deprecated built-in module. */
declare module "punycode/punycode.es6.js" {
  export function toUnicode(domain: string): string;
}
