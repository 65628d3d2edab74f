/** What V8 itself says of a defect: it names code, never data. */
const WORDS_OF_V8 = [
  /^Cannot (?:read|set) properties of (?:undefined|null) \((?:reading|setting) '[\w$]{1,40}'\)$/,
  /^[\w$.]{1,80} is not (?:defined|iterable|a function|a constructor)$/,
  /^Assignment to constant variable\.$/,
  /^Maximum call stack size exceeded$/,
  /^Invalid (?:array|string) length$/,
];

/** A frame of a stack, as V8 writes it. A message, also one of before it was changed, can have lines that only begin like one. */
const PLACE = /^\s+at (?:[\w$.<>[\] #]{1,200} \()?(?:file:\/|node:|\/)[^\s()?]{1,300}:\d+:\d+\)?$/;
const CLASS_NAME = /^[A-Z][A-Za-z0-9]{1,60}$/;
/** Of the system, Node, OpenSSL or a library. */
export const ERROR_CODE = /^[A-Z][A-Z0-9_]{1,60}$/;

/** Causes can go round in a circle. */
const MAX_CAUSES = 5;

/**
 * An error in words that are safe to keep: names, codes and places in the code. Messages are left
 * out, since they quote what was being read (a body, an address, a header, an argument).
 */
export function describeError(error: unknown, causesLeft = MAX_CAUSES): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name, message, stack, cause } = error;
  return {
    name: CLASS_NAME.test(name) ? name : undefined,
    code: 'code' in error && isErrorCode(error.code) ? error.code : undefined,
    message: WORDS_OF_V8.some((words) => words.test(message)) ? message : undefined,
    at: String(stack)
      .split('\n')
      .filter((line) => PLACE.test(line))
      .map((line) => line.trim()),
    cause: cause === undefined || causesLeft === 0 ? undefined : describeError(cause, causesLeft - 1),
  };
}

function isErrorCode(code: unknown): code is string {
  return typeof code === 'string' && ERROR_CODE.test(code);
}
