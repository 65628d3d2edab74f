import type { Kind } from '../lookup/project.ts';
import { FORMAT_VERSION } from './answer-codec.ts';

export type ProjectKeys = readonly [
  answer: string,
  purgeMark: string,
  flight: string,
  watched: string,
  over: string,
];

/** A project's keys in Redis. The braces are a hash tag: what stands in them alone decides the slot. */
export function projectKeys(keyPrefix: string, kind: Kind, id: string): ProjectKeys {
  const key = `${keyPrefix}v${FORMAT_VERSION}:{${kind}:${id}}`;
  return [key, `${key}:purged`, `${key}:flight`, `${key}:watched`, `${key}:over`];
}
