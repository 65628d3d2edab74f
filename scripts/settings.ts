import { ConfigError, loadConfig, readVariables } from '../src/config.ts';
import { readSettings } from '../src/settings.ts';

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
        const variable = setting.variable ?? '';
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
    if (error instanceof ConfigError) return new Set(error.variables);
    throw error;
  }
  return new Set();
}
