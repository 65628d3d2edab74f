import { type Environment, readVariables } from './config.ts';

/** Names of these belong to a standard, and others than this service go by them. */
const FOREIGN_WORDS = ['OTEL'];

const VARIABLE = /^[A-Z][A-Z0-9_]{0,63}$/;

/** What Kubernetes tells each container of each service of its namespace, where one is called `redis` or `magic-hour-bff`. */
const SERVICE_LINK = /_SERVICE_HOST$|_SERVICE_PORT(?:_[A-Z0-9_]+)?$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_[A-Z]+)?$/;
const ADDRESS_OF_LINK = /^(?:tcp|udp|sctp):\/\//;

/** Variables that begin with a word of our settings and are none of them: most likely misspelled ones. */
export function unknownSettings(environment: Environment): string[] {
  const known = new Set(Object.values(readVariables()).flatMap((names) => Object.values(names)));
  const words = new Set([...known].filter((name) => name.includes('_')).map(firstWord));
  for (const word of FOREIGN_WORDS) words.delete(word);
  return Object.entries(environment)
    .filter(([name, value]) => VARIABLE.test(name) && (value ?? '') !== '')
    .filter(([name]) => name.includes('_') && words.has(firstWord(name)) && !known.has(name))
    .filter(([name, value]) => !SERVICE_LINK.test(name) && !ADDRESS_OF_LINK.test(value ?? ''))
    .map(([name]) => name)
    .toSorted();
}

function firstWord(name: string): string {
  return name.replace(/_.*/s, '');
}
