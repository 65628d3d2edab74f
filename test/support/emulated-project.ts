import type { ScriptedResponse } from './scripted-response.ts';
import { signDownload } from './signed-url.ts';

export type EmulatedKind = 'image' | 'video' | 'audio';

/** One entry of `downloads`. */
export interface EmulatedDownload {
  /** Without the signature. Default `https://videos.magichour.ai/{id}/output.png` (`.mp4`, `.mp3`). */
  readonly url?: string;
  /** `false` leaves the signature's parameters out of the URL. */
  readonly signed?: boolean;
  readonly lifetimeSeconds?: number;
  /** Unix milliseconds; pins the signature, which is otherwise renewed at half of its lifetime. */
  readonly signedAtMs?: number;
  /** Sent as it stands in place of the true date, whatever it is; an explicit `undefined` leaves the field out. */
  readonly expiresAt?: unknown;
}

/** What the emulator shall say of a project; `{}` is a project that runs its time and ends `complete`. */
export interface EmulatedProjectDescription {
  /** Default: answers under each of the three kinds. */
  readonly kind?: EmulatedKind;
  /** Stays like that, documented or not. Without it: `queued`, `rendering`, then `outcome`. */
  readonly status?: string;
  /** Default `complete`. */
  readonly outcome?: string;
  readonly queuedMs?: number;
  readonly renderingMs?: number;
  /** What a complete project has; default one of the emulator's `downloadTtlSeconds`. */
  readonly downloads?: readonly EmulatedDownload[];
  /** Sign anew on each lookup. */
  readonly resign?: boolean;
  /** Laid over the body's fields; `undefined` leaves one out. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Wait before each answer. */
  readonly delayMs?: number;
  /** Always answer this in place of a body. */
  readonly response?: ScriptedResponse;
}

export interface EmulatedProject {
  readonly id: string;
  readonly description: EmulatedProjectDescription;
  /** Unix milliseconds: first seen or defined. */
  readonly createdMs: number;
  /** Unix milliseconds: last defined. */
  readonly definedMs: number;
}

export interface EmulatorDefaults {
  readonly queuedMs: number;
  readonly renderingMs: number;
  readonly downloadTtlSeconds: number;
  /** Where the files are, without the signature; Magic Hour's own address where there is none. */
  readonly downloadUrl?: string | undefined;
}

const KINDS = {
  image: { type: 'AI_IMAGE', file: 'output.png', credits: 5 },
  video: { type: 'FACE_SWAP', file: 'output.mp4', credits: 450 },
  audio: { type: 'VOICE_GENERATOR', file: 'output.mp3', credits: 2 },
} as const;

/**
 * The lookup's body, as Magic Hour documents it, with `total_frame_cost` and video's `download`, which its
 * description has dropped and its SDK still insists on. The same bytes for the same state.
 */
export function projectBody(
  project: EmulatedProject,
  kind: EmulatedKind,
  defaults: EmulatorDefaults,
  nowMs: number,
): string {
  const { id, description } = project;
  const { status, sinceMs } = statusAt(project, defaults, nowMs);
  const described = status === 'complete' ? (description.downloads ?? [{}]) : [];
  const downloads = described.map((download) => {
    const lifetimeSeconds = download.lifetimeSeconds ?? defaults.downloadTtlSeconds;
    const signedAtMs = description.resign ? nowMs : lastSignedMs(sinceMs, lifetimeSeconds, nowMs);
    const url =
      download.url ?? defaults.downloadUrl ?? `https://videos.magichour.ai/${id}/${KINDS[kind].file}`;
    return downloadEntry(
      download,
      signDownload(url, download.signedAtMs ?? signedAtMs, lifetimeSeconds),
      url,
    );
  });
  return JSON.stringify({
    id,
    name: 'Example Name',
    status,
    ...(kind === 'image' && { image_count: described.length }),
    type: KINDS[kind].type,
    created_at: new Date(project.createdMs).toISOString(),
    ...(kind === 'video' && { width: 512, height: 960, fps: 30, start_seconds: 0, end_seconds: 15 }),
    enabled: true,
    ...(kind !== 'audio' && { total_frame_cost: KINDS[kind].credits }),
    // An error is refunded.
    credits_charged: status === 'error' ? 0 : KINDS[kind].credits,
    ...(kind === 'video' && { download: downloads[0] ?? null }),
    downloads,
    error:
      status === 'error'
        ? { message: 'Please use an image with a detectable face', code: 'no_source_face' }
        : null,
    ...description.fields,
  });
}

function statusAt({ description, definedMs }: EmulatedProject, defaults: EmulatorDefaults, nowMs: number) {
  if (description.status !== undefined) return { status: description.status, sinceMs: definedMs };
  const renderingFromMs = definedMs + (description.queuedMs ?? defaults.queuedMs);
  const endedFromMs = renderingFromMs + (description.renderingMs ?? defaults.renderingMs);
  if (nowMs < renderingFromMs) return { status: 'queued', sinceMs: definedMs };
  if (nowMs < endedFromMs) return { status: 'rendering', sinceMs: renderingFromMs };
  return { status: description.outcome ?? 'complete', sinceMs: endedFromMs };
}

/** Signed on completion and again whenever half of the lifetime is over, so that no live project has dead URLs. */
function lastSignedMs(completedMs: number, lifetimeSeconds: number, nowMs: number): number {
  const halfMs = lifetimeSeconds * 500;
  return completedMs + Math.floor((nowMs - completedMs) / halfMs) * halfMs;
}

function downloadEntry(
  described: EmulatedDownload,
  signed: { url: string; expires_at: string },
  unsignedUrl: string,
) {
  return {
    url: described.signed === false ? unsignedUrl : signed.url,
    expires_at: Object.hasOwn(described, 'expiresAt') ? described.expiresAt : signed.expires_at,
  };
}
