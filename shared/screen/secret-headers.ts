/** Request headers whose values are credentials. Their names are shown, their values never. */

const SECRET = /^(proxy-)?authorization$|cookie|token|secret|password|credential|session|signature|(^|-)(api-?)?key$|(^|-)auth($|-)/;

export function isSecretHeader(name: string): boolean {
  return SECRET.test(name.toLowerCase());
}
