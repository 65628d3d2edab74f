/** CHANGELOG.md in the form of Keep a Changelog 1.1.0. */

const UNRELEASED = '## [Unreleased]';
/** https://semver.org, 2: what npm takes, without the build that it drops. */
const VERSION = /^\d+\.\d+\.\d+(-[\w.-]+)?$/;
/** At its end, where each version's heading leads to. */
const LINK = /^\[[^\]]+\]: \S+$/;

/** What stands under "Unreleased"; empty where there is nothing. @throws where there is no such heading */
export function unreleasedChanges(text: string): string {
  return divide(text).changes;
}

/**
 * Gives what is unreleased a version and a date, and leaves an empty "Unreleased" above it. Links lead to the comparisons that
 * GitHub and its like make of tags, and name no host: from a file at the root, `../../` is the repository.
 *
 * @param release.date as `2026-11-24`
 * @throws Error where nothing is unreleased, or the version is there already
 */
export function releaseChangelog(
  text: string,
  release: { readonly version: string; readonly date: string },
): string {
  const { version, date } = release;
  const { head, changes, older, links } = divide(text);
  if (!VERSION.test(version)) throw new Error(`${version} is no version`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) throw new Error(`${date} is no date`);
  if (changes === '') throw new Error('CHANGELOG.md: nothing is unreleased');
  if (older.includes(`## [${version}]`)) throw new Error(`CHANGELOG.md: ${version} is there already`);

  const before = /^## \[([^\]]+)\]/m.exec(older)?.[1];
  const target = before === undefined ? `releases/tag/v${version}` : `compare/v${before}...v${version}`;
  const newLinks = [
    `[Unreleased]: ../../compare/v${version}...HEAD`,
    `[${version}]: ../../${target}`,
    ...links.filter((link) => !link.startsWith('[Unreleased]:')),
  ];
  const sections = [`${head}${UNRELEASED}`, `## [${version}] - ${date}`, changes, older, newLinks.join('\n')];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function divide(text: string) {
  const lines = text.trimEnd().split('\n');
  const links = lines.filter((line) => LINK.test(line));
  const body = lines.filter((line) => !LINK.test(line));
  const begins = body.indexOf(UNRELEASED);
  if (begins === -1) throw new Error(`CHANGELOG.md: has no ${UNRELEASED}`);
  const next = body.findIndex((line, at) => at > begins && line.startsWith('## '));
  const ends = next === -1 ? body.length : next;
  const textOf = (from: number, to: number) => body.slice(from, to).join('\n');
  return {
    head: begins === 0 ? '' : `${textOf(0, begins)}\n`,
    changes: textOf(begins + 1, ends).trim(),
    older: textOf(ends, body.length).trim(),
    links,
  };
}
