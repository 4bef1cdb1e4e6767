/** Completion scripts for three shells, generated from the command definitions. */

import { fieldOf, flagOf, namesOf } from "./argv.ts";
import type { Command } from "./command.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

interface Entry {
  name: string;
  summary: string;
  flags: { flag: string; takesFile: boolean; choices: readonly string[]; description: string }[];
  /** The allowed words of the first positional argument, if it is an enum. */
  choices: readonly string[];
}

export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const entries = commands.flatMap((command) => namesOf(command).map((name) => entryOf(name, command)));
  return { bash, zsh, fish }[shell](entries);
}

function entryOf(name: string, command: Command): Entry {
  const fields = Object.entries(command.input.shape).map(([key, schema]) => ({ flag: `--${flagOf(key)}`, ...fieldOf(key, schema) }));
  const flags = fields
    .filter(({ positional, deprecated }) => !positional && !deprecated)
    .map(({ flag, value, choices, description }) => ({ flag, takesFile: value === "file", choices, description }));
  return { name, summary: command.summary, flags, choices: fields.find(({ positional }) => positional)?.choices ?? [] };
}

/** Maps the words so far to what can follow: `owner` → create, approve, …; after a whole command, its flags. */
function wordsAfter(entries: readonly Entry[]): Map<string, string[]> {
  const words = new Map<string, string[]>([["", []]]);
  const add = (after: string, word: string) => {
    const known = words.get(after) ?? [];
    if (!known.includes(word)) words.set(after, [...known, word]);
  };
  for (const { name, flags, choices } of entries) {
    const [first = "", second] = name.split(" ");
    add("", first);
    if (second !== undefined) add(first, second);
    for (const choice of choices) add(name, choice);
    for (const { flag } of [...flags, { flag: "--json" }, { flag: "--help" }]) add(name, flag);
  }
  return words;
}

function bash(entries: readonly Entry[]): string {
  const cases = [...wordsAfter(entries)].map(([after, words]) => `    "${after}") words="${words.join(" ")}" ;;`);
  const files = new Set(entries.flatMap(({ flags }) => flags.filter(({ takesFile }) => takesFile).map(({ flag }) => flag)));
  const values = entries.flatMap(({ name, flags }) =>
    flags
      .filter(({ choices }) => choices.length > 0)
      .map(({ flag, choices }) => `    "${name} ${flag}"|"${name} "*" ${flag}") words="${choices.join(" ")}" ;;`),
  );
  return `# lez-agent-pay completions for bash: source <(lez-agent-pay completions bash)
_lez_agent_pay() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" word words="" i
  # Offer nothing: readline then completes file names, with quotes and folders.
  case "$previous" in
    ${[...files].join("|")}) COMPREPLY=(); return ;;
  esac
  for ((i = 1; i < COMP_CWORD && i <= 2; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in -*) break ;; esac
    command="\${command:+$command }$word"
  done
  case "$command $previous" in
${values.join("\n")}
  esac
  [ -n "$words" ] || case "$command" in
${cases.join("\n")}
    *) case "\${command%% *}" in
${[...wordsAfter(entries)]
  .filter(([after]) => after && !after.includes(" "))
  .map(([after, words]) => `      "${after}") words="${words.filter((word) => word.startsWith("-")).join(" ")}" ;;`)
  .join("\n")}
      *) words="" ;;
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _lez_agent_pay lez-agent-pay
`;
}

/** zsh can run completions of bash. */
function zsh(entries: readonly Entry[]): string {
  return `#compdef lez-agent-pay
# lez-agent-pay completions for zsh: source <(lez-agent-pay completions zsh)
autoload -U +X bashcompinit && bashcompinit
${bash(entries)}`;
}

function fish(entries: readonly Entry[]): string {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = entries.flatMap(({ name, summary, flags, choices }) => {
    const [first = "", second] = name.split(" ");
    const seen =
      second === undefined
        ? `__fish_seen_subcommand_from ${first}`
        : `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`;
    const word =
      second === undefined
        ? `complete -c lez-agent-pay -n __fish_use_subcommand -f -a ${first} -d ${quoted(summary)}`
        : `complete -c lez-agent-pay -n '__fish_seen_subcommand_from ${first}' -f -a ${second} -d ${quoted(summary)}`;
    const group = second === undefined ? [] : [`complete -c lez-agent-pay -n __fish_use_subcommand -f -a ${first}`];
    const options = flags.map(
      ({ flag, takesFile, choices, description }) =>
        `complete -c lez-agent-pay -n '${seen}' -l ${flag.slice(2)}${takesFile ? " -r -F" : ""}${choices.length > 0 ? ` -x -a ${quoted(choices.join(" "))}` : ""} -d ${quoted(description)}`,
    );
    const values = choices.length > 0 ? [`complete -c lez-agent-pay -n '${seen}' -f -a ${quoted(choices.join(" "))}`] : [];
    return [...group, word, ...values, ...options];
  });
  return `# lez-agent-pay completions for fish: lez-agent-pay completions fish | source\n${[...new Set(lines)].join("\n")}\n`;
}
