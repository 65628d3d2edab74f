import { ConfigError, type Environment, loadConfig } from './config.ts';
import { repeatsAny, secretInFile, secretParts } from './secret-parts.ts';
import { readSettings, type Setting } from './settings.ts';

/** A setting as it would count, fit to be shown to anybody who may see the process. */
export interface EffectiveSetting {
  readonly variable: string;
  readonly value: string;
  /** `default`, `environment`, or `file` with its path. */
  readonly origin: string;
}

const NOT_SET = '<not set>';
const SET = '<set>';
/** With a fault, a value may be anything: a key that was put in the wrong place, for instance. */
const FAULTY = '<faulty>';
const MASKED = '<masked>';

/** All settings in the order of config/default.yaml, of a faulty configuration, too. No secret is in them, and no part of one. */
export function effectiveSettings(environment: Environment): EffectiveSetting[] {
  const settings = readSettings();
  const faulty = faultyVariables(environment);
  const given = (variable: string) => environment[variable] || undefined;
  const fileOf = (setting: Setting) => (setting.secret ? given(`${setting.variable}_FILE`) : undefined);
  const secrets = settings
    .filter(({ secret }) => secret)
    .map((setting) => ({
      of: setting,
      parts: [...secretParts(given(setting.variable ?? '') ?? ''), ...secretInFile(fileOf(setting) ?? '')],
    }));
  const repeatsOther = (setting: Setting, text: string) =>
    secrets.some(({ of, parts }) => of !== setting && repeatsAny(parts, text));

  return settings.flatMap((setting) => {
    const { variable } = setting;
    if (variable === undefined) return [];
    const value = given(variable);
    if (value !== undefined) {
      const shown = faulty.has(variable) ? FAULTY : shownValue(setting, value);
      const repeats = repeatsOther(setting, setting.secret ? shown : value);
      return { variable, value: repeats ? MASKED : shown, origin: 'environment' };
    }
    const file = fileOf(setting);
    if (file === undefined) return { variable, value: setting.default ?? NOT_SET, origin: 'default' };
    if (faulty.has(`${variable}_FILE`)) return { variable, value: FAULTY, origin: 'file' };
    return { variable, value: SET, origin: `file ${repeatsOther(setting, file) ? MASKED : inOneLine(file)}` };
  });
}

function faultyVariables(environment: Environment): ReadonlySet<string> {
  try {
    loadConfig(environment);
    return new Set();
  } catch (error) {
    if (error instanceof ConfigError) return new Set(error.variables);
    throw error;
  }
}

function shownValue({ name, secret }: Setting, value: string): string {
  if (secret) return /url$/i.test(name) ? (shownSecretUrl(value) ?? SET) : SET;
  return inOneLine(withoutSecretParts(value));
}

/** Of an address that is a secret as a whole: where it leads. `undefined` where it may have been cut in the wrong places. */
function shownSecretUrl(value: string): string | undefined {
  const url = parseUrl(value);
  if (url === undefined || url.host === '' || !/^(?:\/\d*)?$/.test(url.pathname)) return undefined;
  if (url.hash !== '' || url.search.includes('@')) return undefined;
  const userInfo = url.username + url.password === '' ? '' : `${MASKED}@`;
  return `${url.protocol}//${userInfo}${url.host}${url.pathname}${url.search === '' ? '' : `?${MASKED}`}`;
}

function withoutSecretParts(value: string): string {
  const url = parseUrl(value);
  // One in the middle of something else, or several.
  if (url === undefined || url.host === '') {
    return value
      .replace(/(?<=\/\/)[^/?#\s]*@/g, `${MASKED}@`)
      .replace(/(?<=\w:\/\/[^\s"'?#]*)[?#][^\s"']*/g, `?${MASKED}`);
  }
  const { protocol, host, pathname, search, hash } = url;
  const userInfo = url.username + url.password;
  if (userInfo + search + hash === '') return value;
  return `${protocol}//${userInfo === '' ? '' : `${MASKED}@`}${host}${pathname}${search + hash === '' ? '' : `?${MASKED}`}`;
}

function parseUrl(value: string): URL | undefined {
  return URL.parse(value) ?? undefined;
}

function inOneLine(value: string): string {
  return /[^\x21-\x7e]/.test(value) ? JSON.stringify(value) : value;
}
