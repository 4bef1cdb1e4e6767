/** The part of the punycode package that we use. Its bare name would be Node's deprecated built-in module. */
declare module "punycode/punycode.js" {
  const punycode: { toUnicode(domain: string): string };
  export default punycode;
}
