/** A neighbour Worker's methods as they look over RPC. The platform's own type splits unions, so that results stop narrowing. */
export type Remote<T> = {
  [Name in keyof T]: T[Name] extends (...args: infer Args) => infer Result ? (...args: Args) => Promise<Awaited<Result>> : never;
};
