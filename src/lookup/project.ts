import { z } from 'zod';
import { parseJsonBytes } from '../json.ts';
import { signedUrlEndMs } from './signed-url.ts';

/** What Magic Hour makes. */
export const KINDS = ['image', 'video', 'audio'] as const;
export type Kind = (typeof KINDS)[number];

export const PROJECT_ID = '[A-Za-z0-9_-]{1,128}';
export const PROJECT_ID_PATTERN = new RegExp(`^${PROJECT_ID}$`);

/** One name for a project among those of all kinds. */
export function projectName(kind: Kind, id: string): string {
  return `${kind}/${id}`;
}

/** The documented statuses; the terminal ones are the last three. */
const PENDING_STATUSES = ['draft', 'queued', 'rendering'] as const;
const TERMINAL_STATUSES = ['complete', 'error', 'canceled'] as const;
const STATUSES = [...PENDING_STATUSES, ...TERMINAL_STATUSES] as const;
export type Status = (typeof STATUSES)[number];

/** What the upstream's description lists as present in every body, whatever the kind. */
const COMMON_FIELDS = {
  id: z.string(),
  name: z.string().nullable(),
  status: z.enum(STATUSES),
  type: z.string(),
  created_at: z.string(),
  enabled: z.boolean(),
  credits_charged: z.int(),
  downloads: z.array(z.object({ url: z.string(), expires_at: z.iso.datetime({ offset: true }) })),
  error: z.object({ message: z.string(), code: z.string() }).nullable(),
} as const;

/**
 * All in which the kinds differ: the fields that a kind's description lists beside the common ones, and those whose
 * presence is no drift though no description lists them. (The newer description dropped `total_frame_cost` and a
 * video's `download` while the vendor's SDK still insists on them, so neither presence nor absence is drift.)
 */
const BY_KIND = {
  image: { described: { image_count: z.int() }, undescribed: ['total_frame_cost'] },
  video: {
    described: {
      width: z.int(),
      height: z.int(),
      fps: z.number(),
      start_seconds: z.number(),
      end_seconds: z.number(),
    },
    undescribed: ['total_frame_cost', 'download'],
  },
  audio: { described: {}, undescribed: ['total_frame_cost'] },
} as const satisfies Record<Kind, KindFields>;

interface KindFields {
  readonly described: Readonly<Record<string, z.ZodType>>;
  readonly undescribed: readonly string[];
}

type KeysOfEach<T> = T extends unknown ? keyof T : never;
export type DocumentedField = keyof typeof COMMON_FIELDS | KeysOfEach<(typeof BY_KIND)[Kind]['described']>;

const SHAPES = {
  image: shapeOf(BY_KIND.image),
  video: shapeOf(BY_KIND.video),
  audio: shapeOf(BY_KIND.audio),
} as const satisfies Record<Kind, unknown>;

function shapeOf({ described, undescribed }: KindFields) {
  const fields = { ...described, ...COMMON_FIELDS };
  return { schema: z.looseObject(fields), known: new Set([...Object.keys(fields), ...undescribed]) };
}

const DATE_TIME = z.regexes.datetime({ offset: true });

/** Only what this service itself needs; everything else is passed through as it came. */
const neededSchema = z.looseObject({
  id: z.string(),
  status: z.string(),
  enabled: z.unknown().optional(),
  downloads: z
    .array(z.looseObject({ url: z.unknown().optional(), expires_at: z.unknown().optional() }))
    .nullish(),
});

/** What the service knows of a project, read from an upstream body. */
export interface Project {
  readonly id: string;
  /** `unknown` for a status that is not documented. */
  readonly status: Status | 'unknown';
  readonly terminal: boolean;
  /** `false` means that the project was deleted upstream. */
  readonly enabled: boolean;
  readonly downloadEnds: DownloadEnds;
  /** Documented fields that are missing or of another form; `other` for fields that are not documented. */
  readonly drift: readonly string[];
}

export interface DownloadEnds {
  readonly count: number;
  /** Unix milliseconds at which the first download ends; `undefined` where none says so. */
  readonly earliestMs: number | undefined;
  /** Whether every download says when it ends. */
  readonly allKnown: boolean;
}

/**
 * Reads an upstream body.
 *
 * @returns `undefined` where it is not a JSON object (RFC 8259, so UTF-8) with at least `id` and `status`, or where
 *   `downloads` is not a list of objects.
 */
export function parseProject(kind: Kind, body: Uint8Array): Project | undefined {
  const value = parseJsonBytes(body);
  const { schema, known } = SHAPES[kind];
  // One look at the whole where all is as documented; the second is for the others.
  const documented = schema.safeParse(value);
  if (documented.success) return projectOf(documented.data, known, []);
  const needed = neededSchema.safeParse(value);
  if (!needed.success) return undefined;
  const drifted = new Set(documented.error.issues.map(({ path }) => String(path[0])));
  return projectOf(needed.data, known, [...drifted]);
}

/**
 * @param known the fields that are no drift
 * @param drifted documented fields that are not as they should be
 */
function projectOf(
  fields: z.output<typeof neededSchema>,
  known: ReadonlySet<string>,
  drifted: readonly string[],
): Project {
  const status = documentedStatus(fields.status);
  return {
    id: fields.id,
    status,
    terminal: TERMINAL_STATUSES.some((terminal) => terminal === status),
    enabled: fields.enabled !== false,
    downloadEnds: endsOf(fields.downloads ?? []),
    drift: Object.keys(fields).some((field) => !known.has(field)) ? [...drifted, 'other'] : drifted,
  };
}

function documentedStatus(spelled: string): Status | 'unknown' {
  return STATUSES.find((status) => status === spelled) ?? 'unknown';
}

function endsOf(downloads: ReadonlyArray<{ url?: unknown; expires_at?: unknown }>): DownloadEnds {
  const ends = downloads.map((download) => endOf(download.url, download.expires_at));
  const known = ends.filter((end) => end !== undefined);
  return {
    count: ends.length,
    earliestMs: known.length === 0 ? undefined : known.reduce((a, b) => Math.min(a, b)),
    allKnown: known.length === ends.length,
  };
}

/** The sooner of what the body and what the signed URL itself say. */
function endOf(url: unknown, expiresAt: unknown): number | undefined {
  const stated =
    typeof expiresAt === 'string' && DATE_TIME.test(expiresAt) ? Date.parse(expiresAt) : undefined;
  const signed = signedUrlEndMs(url);
  return stated === undefined || signed === undefined ? (stated ?? signed) : Math.min(stated, signed);
}
