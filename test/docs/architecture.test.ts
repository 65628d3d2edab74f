import { describe, expect, test } from 'vitest';
import { importsIn } from '../../scripts/imports.ts';
import { type Arrow, arrowsOf, modulePicture } from '../../scripts/module-picture.ts';
import { picturesUnder, ROOT, textOf } from './markdown.ts';

const page = textOf('docs/architecture.md');
const imports = importsIn(new URL('src/', ROOT));

describe('the picture of the modules', () => {
  const [picture = ''] = picturesUnder(page, '## The parts');
  const drawn = [...picture.matchAll(/^ {2}(\w+) (-->|-\.->) (\w+)$/gm)].map(
    ([, from = '', arrow, to = '']): Arrow => ({ from, to, typesOnly: arrow === '-.->' }),
  );
  const inOrder = (arrows: readonly Arrow[]) =>
    arrows
      .map(({ from, to, typesOnly }) => `${from} ${typesOnly ? 'uses types of' : 'uses'} ${to}`)
      .toSorted();

  test('has an arrow for each import between parts, and no other', () => {
    expect(inOrder(drawn)).toEqual(inOrder(arrowsOf(imports)));
  });

  test('is as `npm run architecture` draws it', () => {
    expect(page).toContain(`\n${modulePicture(imports)}\n`);
  });

  test('is of imports that lead to files', () => {
    const files = new Set(imports.map(({ from }) => from));
    const leaves = imports.map(({ to }) => to).filter((to) => !files.has(to));
    for (const leaf of leaves) expect(() => textOf(`src/${leaf}`)).not.toThrow();
    expect(files.size).toBeGreaterThan(50);
  });

  test('goes one way: no part uses itself, by whatever others', () => {
    const values = drawn.filter(({ typesOnly }) => !typesOnly);
    const used = Map.groupBy(values, ({ from }) => from);
    const reach = (part: string, seen = new Set<string>()): Set<string> => {
      for (const { to } of used.get(part) ?? []) if (!seen.has(to)) reach(to, seen.add(to));
      return seen;
    };
    const circles = [...used.keys()].filter((part) => reach(part).has(part));
    expect(circles).toEqual([]);
  });
});

describe('the picture of a request', () => {
  const source = textOf('src/app.ts');
  const body = /^export function createApp[\s\S]*?^}$/m.exec(source)?.[0] ?? '';
  const imported = [...source.matchAll(/^import \{([^}]*)\} from '\.\/http\//gm)]
    .flatMap(([, names = '']) => names.split(','))
    .map((name) => name.trim())
    .filter((name) => /^[a-z]/.test(name) && !/^(type|create)\b|^create[A-Z]/.test(name));
  const steps = [...body.matchAll(/\bdeps\.(?<limit>limit\w+)\.check|\b(?<factory>\w+)(?=\()/g)]
    .map(({ groups }) => groups?.limit ?? groups?.factory ?? '')
    .filter((name) => imported.includes(name) || name.startsWith('limit'));

  test('has each step of the pipeline, in its order', () => {
    const [picture = ''] = picturesUnder(page, '## The way of a request');
    const known = new Set(steps);
    const drawn = [...picture.matchAll(/\w+/g)].map(([word]) => word).filter((word) => known.has(word));
    expect([...new Set(drawn)].toSorted()).toEqual([...known].toSorted());
    // What stands beside the lookup's own way has no place in its order.
    const owners = ['validateProject', 'requireScope', 'serveOwner'];
    const logins = ['serveLogin', 'serveCallback', 'serveMe', 'serveLogout', 'serveBackchannelLogout'];
    const aside = [...owners, ...logins, 'methodNotAllowed', 'serveText', 'serveWebhook', 'notFound'];
    const onTheWay = (names: readonly string[]) =>
      [...new Set(names)].filter((name) => !aside.includes(name));
    expect(onTheWay(drawn)).toEqual(onTheWay(steps));
  });

  test('names no step that is none', () => {
    const [picture = ''] = picturesUnder(page, '## The way of a request');
    const named = [...picture.matchAll(/(?:"|<br>)([a-z]+[A-Z]\w+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !steps.includes(name))).toEqual([]);
  });
});

test('the picture of where it runs names the ports that are the defaults', () => {
  const [picture = ''] = picturesUnder(page, '## Where it runs');
  const ports = new Set([...picture.matchAll(/:(\d+)/g)].map(([, port]) => port));
  const defaults = [...textOf('config/default.yaml').matchAll(/^ {2}port: (\d+)$/gm)].map(([, port]) => port);
  expect([...ports].toSorted()).toEqual(defaults.toSorted());
});
