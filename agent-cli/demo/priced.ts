/** The demo merchant's first route: what a local stack is tried with. */

export function pricedUrl(merchant: string): string {
  return `${merchant}/premium`;
}
