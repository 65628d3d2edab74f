import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { assertConfined } from '../../scripts/containers.ts';
import { assertContent, assertSbom } from '../../scripts/image-content.ts';

const CONTENT = [
  'package.json',
  'sbom.spdx.json',
  'config/default.yaml',
  'config/custom-environment-variables.yaml',
  'docs/openapi.json',
  'docs/page/index.html',
  'docs/page/page.css',
  'docs/page/page.js',
  'dist/main.js',
  'dist/main.js.map',
  'dist/chunk-7V4674LX.js',
  'dist/NOTICES.txt',
  'compile-cache/v24/07e25d2b',
];

test('an image holds what is built, with its source maps, and no file more', () => {
  assertContent(CONTENT);
  for (const file of ['src/main.ts', 'test/e2e/built.test.ts', 'node_modules/express/index.js', '.env'])
    expect(() => assertContent([...CONTENT, file]), file).toThrow('nothing else is in the image');
  for (const file of ['dist/main.js.map', 'sbom.spdx.json'])
    expect(() => assertContent(CONTENT.filter((name) => name !== file)), file).toThrow('nothing is missing');
});

test('an SBOM lists the packages of production, each of them and no other', () => {
  const { packages } = z
    .object({
      packages: z.record(z.string(), z.object({ version: z.string(), dev: z.boolean().optional() })),
    })
    .parse(JSON.parse(readFileSync('package-lock.json', 'utf8')));
  const listed = Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, { version }]) => ({
      SPDXID: path,
      name: path.replace(/^.*node_modules\//, ''),
      versionInfo: version,
    }));
  const sbom = (entries: typeof listed) =>
    JSON.stringify({ spdxVersion: 'SPDX-2.3', documentDescribes: ['root'], packages: entries });
  const express = listed.find(({ name }) => name === 'express');
  const notices = `express ${express?.versionInfo}: MIT\n`;

  expect(assertSbom(sbom(listed), notices)).toBe(listed.length);
  const others = listed.filter((entry) => entry !== express);
  expect(() => assertSbom(sbom(others), notices)).toThrow('lists what is deployed');
  const vitest = { SPDXID: 'vitest', name: 'vitest', versionInfo: '5.1.1' };
  expect(() => assertSbom(sbom([...listed, vitest]), notices)).toThrow('lists what is deployed');
  expect(() => assertSbom(sbom(listed), 'left-pad 1.0.0: MIT\n')).toThrow('left-pad@1.0.0');
});

test('a process is confined that is not root, has no capability and can get none', () => {
  const status = (fields: Readonly<Record<string, string>>) =>
    Object.entries({
      Uid: '1000\t1000\t1000\t1000',
      ...Object.fromEntries(
        ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => [`Cap${set}`, '0000000000000000']),
      ),
      NoNewPrivs: '1',
      ...fields,
    })
      .map(([name, value]) => `${name}:\t${value}\n`)
      .join('');
  assertConfined(status({}));
  expect(() => assertConfined(status({ Uid: '1000\t0\t1000\t1000' }))).toThrow('not root');
  expect(() => assertConfined(status({ CapEff: '0000000000000400' }))).toThrow('CapEff');
  expect(() => assertConfined(status({ NoNewPrivs: '0' }))).toThrow('no new privileges');
});
