import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rawMember } from '../../src/webhooks/raw-member.ts';

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 });

/** A string of JSON, each character as it is or by an escape. */
const spelled = (value: fc.Arbitrary<string>) =>
  fc.tuple(value, fc.array(fc.boolean(), { maxLength: 20 })).map(([text, escapes]) => {
    const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
    const inside = units.map((unit, at) =>
      escapes[at]
        ? `\\u${unit.toString(16).padStart(4, '0')}`
        : JSON.stringify(String.fromCharCode(unit)).slice(1, -1),
    );
    return `"${inside.join('')}"`;
  });
const text = fc.string({
  unit: fc.constantFrom('a', '"', '\\', '{', '}', '[', ']', ',', ':', ' ', 'é', '図', '\n'),
});
const name = spelled(fc.oneof(fc.constantFrom('payload', 'type', 'Payload', ''), text));

/** Texts of JSON with white space wherever it may be. */
const { value } = fc.letrec<{ value: string; members: string }>((tie) => {
  const padded = (inner: fc.Arbitrary<string>) =>
    fc.tuple(space, inner, space).map(([before, it, after]) => before + it + after);
  const list = fc.array(padded(tie('value')), { maxLength: 4 }).map((items) => `[${items.join(',')}]`);
  const object = fc
    .array(fc.tuple(padded(name), padded(tie('value'))), { maxLength: 4 })
    .map((members) => `{${members.map(([key, it]) => `${key}:${it}`).join(',')}}`);
  const scalar = fc.oneof(spelled(text), fc.constantFrom('null', 'true', '0', '-1.50e+2', '{}', '[]', '{ }'));
  return { value: fc.oneof({ depthSize: 'small' }, scalar, list, object), members: object };
});

const member = fc.record({ key: name, value, spaces: fc.tuple(space, space, space, space) });

test('of any JSON object it gives the very bytes of the one member of that name, and nothing where there are more', () => {
  fc.assert(
    fc.property(fc.array(member, { maxLength: 6 }), space, space, (members, before, behind) => {
      const written = members.map(
        ({ key, value: it, spaces: [a, b, c, d] }) => `${a}${key}${b}:${c}${it}${d}`,
      );
      const json = Buffer.from(`${before}{${written.join(',') || ' '}}${behind}`);
      expect(() => JSON.parse(json.toString())).not.toThrow();
      for (const wanted of ['payload', 'type', '']) {
        const own = members.filter(({ key }) => JSON.parse(key) === wanted);
        const expected = own.length === 1 ? own[0]?.value : undefined;
        expect(rawMember(json, wanted)?.toString()).toBe(expected);
      }
    }),
    { numRuns: 3000 },
  );
});
