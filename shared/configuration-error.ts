/** A Worker's bindings, variables or secrets are wrong. The log says which; no caller can fix it. */
export class ConfigurationError extends TypeError {}
