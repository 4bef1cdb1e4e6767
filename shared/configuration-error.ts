/** A Worker's bindings, variables or secrets are not what they must be. Its operator reads in the log which; no caller can mend it. */
export class ConfigurationError extends TypeError {}
