/** Hono's paths: which of them one pattern covers, and what OpenAPI calls them. */

/** Between slashes, except those of a parameter's expression. */
function segmentsOf(path: string): string[] {
  return path.match(/(?:\{[^}]*\}|[^/])+/g) ?? [];
}

/** Whether it has no path of its own, such as `/files/*`. */
export function isForAllPaths(path: string): boolean {
  return segmentsOf(path).includes("*");
}

/** Whether each request for `path` matches the pattern, as far as their texts tell. Both are Hono's. */
export function covers(pattern: string, path: string): boolean {
  const [covering, covered] = [segmentsOf(pattern), segmentsOf(path)];
  for (const [i, segment] of covering.entries()) {
    // At the end it stands for any rest, also for none.
    if (segment === "*" && i === covering.length - 1) return true;
    const own = covered[i];
    const isAny = segment === "*" || /^:[^{]+$/.test(segment);
    if (own === undefined || !(segment === own || (isAny && own !== "*"))) return false;
  }
  return covering.length === covered.length;
}

/** `/users/:id` as `/users/{id}`; two of them where the last parameter may be absent. */
export function templatesOf(path: string): { template: string; names: { name: string; pattern: string | undefined }[] }[] {
  const segments = segmentsOf(path);
  const last = segments.at(-1);
  const isOptional = last?.startsWith(":") && last.endsWith("?");
  const forms = isOptional ? [segments.slice(0, -1), [...segments.slice(0, -1), last?.slice(0, -1) ?? ""]] : [segments];
  return forms.map((form) => {
    const parsed = form.map((segment) => ({ segment, match: /^:([^{}]+)(?:\{(.+)\})?$/.exec(segment) }));
    const names = parsed.flatMap(({ match }) => (match ? [{ name: match[1] ?? "", pattern: match[2] }] : []));
    return { template: `/${parsed.map(({ segment, match }) => (match ? `{${match[1]}}` : segment)).join("/")}`, names };
  });
}
