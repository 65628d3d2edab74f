/** Beside package.json and its lock, which npm writes: where a version stands that a release sets. */
export const VERSION_PLACES = [
  { file: 'docs/openapi.yaml', line: /^(info:\n(?: .*\n)*? {2}version: )\S+$/m },
  { file: 'config/kubernetes/kustomization.yaml', line: /^( +newTag: )"[^"]*"$/m },
] as const;

/** The same text with another version; in quotes where it is in quotes. @throws where there is no such line */
export function withVersion(
  text: string,
  { file, line }: (typeof VERSION_PLACES)[number],
  version: string,
): string {
  if (!line.test(text)) throw new Error(`${file}: has no line with the version`);
  return text.replace(line, (whole: string, before: string) =>
    whole.endsWith('"') ? `${before}"${version}"` : `${before}${version}`,
  );
}
