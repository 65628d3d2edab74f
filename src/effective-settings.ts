import { ConfigError, type Environment, loadConfig } from './config.ts';
import { readSettings, type Setting } from './settings.ts';

/** A setting as it would count, fit to be shown to anybody who may see the process. */
export interface EffectiveSetting {
  readonly variable: string;
  readonly value: string;
  /** `default`, `environment`, or `file` with its path. */
  readonly origin: string;
}

/** What is shorter stands in other values by chance. */
const MIN_SECRET_LENGTH = 4;

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
  const secrets = settings
    .filter(({ secret }) => secret)
    .flatMap(({ variable = '' }) => partsOf(given(variable)));

  return settings.flatMap((setting) => {
    const { variable } = setting;
    if (variable === undefined) return [];
    const value = given(variable);
    if (value !== undefined) {
      const shown = faulty.has(variable) ? FAULTY : shownValue(setting, value);
      const repeats = !setting.secret && secrets.some((secret) => value.includes(secret));
      return { variable, value: repeats ? MASKED : shown, origin: 'environment' };
    }
    const file = setting.secret ? given(`${variable}_FILE`) : undefined;
    if (file === undefined) return { variable, value: setting.default ?? NOT_SET, origin: 'default' };
    return faulty.has(`${variable}_FILE`)
      ? { variable, value: FAULTY, origin: 'file' }
      : { variable, value: SET, origin: `file ${inOneLine(file)}` };
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
  if (url === undefined || url.host === '') return value;
  const { protocol, host, pathname, search, hash } = url;
  const userInfo = url.username + url.password;
  if (userInfo + search + hash === '') return value;
  return `${protocol}//${userInfo === '' ? '' : `${MASKED}@`}${host}${pathname}${search + hash === '' ? '' : `?${MASKED}`}`;
}

/** A secret's value, and the password in it where it is an address. */
function partsOf(value: string | undefined): string[] {
  if (value === undefined) return [];
  const { password = '' } = parseUrl(value) ?? {};
  return [value.trim(), password, decoded(password)].filter((part) => part.length >= MIN_SECRET_LENGTH);
}

function parseUrl(value: string): URL | undefined {
  return URL.parse(value) ?? undefined;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function inOneLine(value: string): string {
  return /[^\x21-\x7e]/.test(value) ? JSON.stringify(value) : value;
}
