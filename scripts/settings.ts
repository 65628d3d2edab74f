import { readFileSync } from 'node:fs';
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { ConfigError, loadConfig, readVariables } from '../src/config.ts';

interface Setting {
  readonly group: string;
  readonly name: string;
  /** As YAML spells it; `undefined` where it has none. */
  readonly default: string | undefined;
  /** The comment above it; `undefined` where there is none. */
  readonly meaning: string | undefined;
}

const variables = readVariables();
const settings = readSettings();

/** What default.yaml and custom-environment-variables.yaml leave out, a line each. */
export function settingsFaults(): string[] {
  const known = new Set(settings.map(({ group, name }) => `${group}.${name}`));
  const named = Object.entries(variables).flatMap(([group, names]) =>
    Object.keys(names).map((name) => `${group}.${name}`),
  );
  return [
    ...settings
      .filter(({ meaning }) => meaning === undefined)
      .map(({ group, name }) => `config/default.yaml: ${group}.${name} has no comment`),
    ...[...known]
      .filter((path) => !named.includes(path))
      .map((path) => `config/custom-environment-variables.yaml: ${path} has no variable`),
    ...named.filter((path) => !known.has(path)).map((path) => `config/default.yaml: ${path} is missing`),
  ];
}

/** One Markdown table a group, in the order of default.yaml. */
export function settingsTable(): string {
  const required = requiredVariables();
  return [...Map.groupBy(settings, ({ group }) => group)]
    .map(([group, members]) => {
      const rows = members.map((setting) => {
        const variable = variables[group]?.[setting.name] ?? '';
        const absent = required.has(variable) ? 'required' : '–';
        const value = setting.default === undefined ? absent : `\`${setting.default}\``;
        return `| \`${variable}\` | ${value} | ${(setting.meaning ?? '').replaceAll('|', '\\|')} |`;
      });
      return [`\n**${group}**\n`, '| variable | default | meaning |', '|---|---|---|', ...rows, ''].join(
        '\n',
      );
    })
    .join('');
}

/** Those that a configuration with nothing set is told to lack: the service's own word, not a second list. */
function requiredVariables(): ReadonlySet<string> {
  try {
    loadConfig({});
  } catch (error) {
    if (error instanceof ConfigError) return new Set(error.faults.map((fault) => fault.replace(/:.*/s, '')));
    throw error;
  }
  return new Set();
}

function readSettings(): Setting[] {
  const document = parseDocument(readFileSync(new URL('../config/default.yaml', import.meta.url), 'utf8'));
  return pairsOf(document.contents).flatMap(({ key: group, value: members }) =>
    pairsOf(members).map(({ key, value, comment }) => ({
      group,
      name: key,
      default: isScalar(value) && value.value !== null ? String(value.value) : undefined,
      meaning: comment?.trim().replaceAll(/\s*\n\s*/g, ' '),
    })),
  );
}

function pairsOf(node: unknown): { key: string; value: unknown; comment: string | null | undefined }[] {
  if (!isMap(node)) throw new Error('config/default.yaml: groups of settings were expected');
  return node.items.map((pair, index) => ({
    key: isScalar(pair.key) ? String(pair.key.value) : '',
    value: pair.value,
    comment: commentAbove(node, pair, index),
  }));
}

/** `yaml` hands the comment above a map's first key to the map itself. */
function commentAbove(map: YAMLMap, { key }: Pair, index: number): string | null | undefined {
  return (isScalar(key) ? key.commentBefore : undefined) ?? (index === 0 ? map.commentBefore : undefined);
}
