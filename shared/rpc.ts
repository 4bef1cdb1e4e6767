/** A Worker's methods as seen over RPC. The platform's own type splits unions, and results no longer narrow. */
export type Remote<T> = {
  [Name in keyof T]: T[Name] extends (...args: infer Args) => infer Result ? (...args: Args) => Promise<Awaited<Result>> : never;
};
