import { z } from 'zod';

/** What V8's sampling profiler writes (`node --cpu-prof`): a tree of calls, and which of its nodes ran when. */
const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string() }),
      children: z.array(z.number()).optional(),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

interface Frame {
  readonly name: string;
  readonly url: string;
}

/** A piece of work, by the innermost call that is known to be of it. */
type Piece = readonly [piece: string, isOfIt: (frame: Frame) => boolean];

const named =
  (...names: readonly string[]) =>
  ({ name }: Frame) =>
    names.includes(name);
const within = (pattern: RegExp) => (frame: Frame) => pattern.test(frame.url);

const PIECES: readonly Piece[] = [
  ['garbage collection', named('(garbage collector)')],
  ['kernel: reading, waiting; V8 itself', named('(program)')],
  ['kernel: sending the answer', named('writeLatin1String', 'writeUtf8String', 'writev', 'writeBuffer')],
  ['log line', within(/\/(pino|sonic-boom)\/|\/src\/(log|log-batches|request-log)\.ts/)],
  ['metrics', within(/\/prom-client\/|\/src\/metrics\//)],
  ['token', within(/\/src\/auth\/|\/src\/http\/authenticate\.ts/)],
  [
    'limits',
    within(/\/express-rate-limit\/|\/src\/limits\/|\/src\/http\/(limit|limit-headers|client-address)\.ts/),
  ],
  ['last guard', within(/\/src\/leak-guard\.ts/)],
  ['lookup in memory', within(/\/src\/(lookup|cache)\//)],
  ['response head and write, in Node', within(/\/src\/http\/(respond|security-headers)\.ts/)],
  ['our other steps', within(/\/src\//)],
  [
    'Express and its router',
    within(/\/node_modules\/(express|router|path-to-regexp|parseurl|finalhandler|debug|ms)\//),
  ],
  ['other packages', within(/\/node_modules\//)],
];
const REST = 'Node: parser, streams, timers, events';

/**
 * Shares of the time in which a profile's process did something, by piece of work.
 *
 * @param skipMs of its beginning, in which the service starts and V8 compiles
 */
export function sharesOfPieces(profile: unknown, skipMs: number): Map<string, number> {
  const { nodes, samples, timeDeltas } = profileSchema.parse(profile);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const pieces = new Map<number, string | undefined>();

  function pieceOf(id: number | undefined): string {
    for (let at = id; at !== undefined; at = parents.get(at)) {
      const frame = byId.get(at)?.callFrame;
      const known =
        frame && PIECES.find(([, isOfIt]) => isOfIt({ name: frame.functionName, url: frame.url }));
      if (known !== undefined) return known[0];
    }
    return REST;
  }

  const times = new Map<string, number>();
  let total = 0;
  let atMs = 0;
  for (const [n, id] of samples.entries()) {
    const microseconds = timeDeltas[n] ?? 0;
    atMs += microseconds / 1000;
    if (atMs < skipMs || byId.get(id)?.callFrame.functionName === '(idle)') continue;
    const piece = pieces.get(id) ?? pieceOf(id);
    pieces.set(id, piece);
    times.set(piece, (times.get(piece) ?? 0) + microseconds);
    total += microseconds;
  }
  return new Map([...times].map(([piece, time]) => [piece, time / total]));
}
