import { readFileSync } from 'node:fs';
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { readVariables } from './config.ts';

/** One setting as config/ describes it, which is the one place that does. */
export interface Setting {
  readonly group: string;
  readonly name: string;
  /** The environment variable that sets it; `undefined` where custom-environment-variables.yaml has none. */
  readonly variable: string | undefined;
  /** As YAML spells it; `undefined` where it has none. */
  readonly default: string | undefined;
  /** The comment above it; `undefined` where there is none. */
  readonly meaning: string | undefined;
  /** Whether its comment says "Secret." */
  readonly secret: boolean;
}

/** In the order of default.yaml. */
export function readSettings(): Setting[] {
  const variables = readVariables();
  const document = parseDocument(readFileSync(new URL('../config/default.yaml', import.meta.url), 'utf8'));
  return pairsOf(document.contents).flatMap(({ key: group, value: members }) =>
    pairsOf(members).map(({ key, value, comment }) => {
      const meaning = comment?.trim().replaceAll(/\s*\n\s*/g, ' ');
      return {
        group,
        name: key,
        variable: variables[group]?.[key],
        default: isScalar(value) && value.value !== null ? String(value.value) : undefined,
        meaning,
        secret: /\bSecret\./.test(meaning ?? ''),
      };
    }),
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
