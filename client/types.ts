// Made from docs/openapi.yaml by `npm run client:types`.

export type ImageProject = Project & {
  /**
   * How many images the project makes.
   */
  image_count?: number;
  [k: string]: unknown;
};
export type VideoProject = Project & {
  /**
   * Pixels.
   */
  width?: number;
  /**
   * Pixels.
   */
  height?: number;
  /**
   * Frames a second.
   */
  fps?: number;
  /**
   * Where it starts in the video that it was made from.
   */
  start_seconds?: number;
  /**
   * Where it ends there.
   */
  end_seconds?: number;
  /**
   * Undocumented by Magic Hour, and older than `downloads`, which is the one to use.
   */
  download?: unknown;
  [k: string]: unknown;
};
export type AudioProject = Project;

/**
 * What Magic Hour sent, byte for byte. This service insists only on what it needs itself (`id`, `status`, and
 * `downloads` being a list of objects where it is there): the vendor's own descriptions disagree about the rest
 * (`total_frame_cost` is required by one and gone from another, and the vendor's SDK fails without it), and its
 * fields change. So take each other field for optional, and be ready for fields that are not listed here.
 *
 */
export interface Project {
  /**
   * The id that you asked for.
   */
  id: string;
  /**
   * The name of the project.
   */
  name?: string | null;
  /**
   * - `draft`: not used
   * - `queued`: waiting to start
   * - `rendering`: in progress
   * - `complete`: over; see `downloads`
   * - `error`: over; see `error`
   * - `canceled`: over
   *
   * A status that Magic Hour may yet invent is passed on: treat it as not over.
   *
   */
  status: ('draft' | 'queued' | 'rendering' | 'complete' | 'error' | 'canceled') | string;
  /**
   * The tool that makes it, such as `AI_IMAGE`, `FACE_SWAP` or `VOICE_GENERATOR`.
   */
  type?: string;
  /**
   * When it was made, RFC 3339.
   */
  created_at?: string;
  /**
   * `false`: it was deleted.
   */
  enabled?: boolean;
  /**
   * Undocumented by Magic Hour.
   */
  total_frame_cost?: unknown;
  /**
   * The credits that it costs. Goes down after an `error`, when they are refunded.
   */
  credits_charged?: number;
  /**
   * Filled once the status is `complete`.
   */
  downloads?:
    | {
        /**
         * Where the file is. Needs no token, so keep it to your user.
         */
        url?: string;
        /**
         * When the URL ends, RFC 3339. Ask again for a fresh one.
         */
        expires_at?: string | null;
        [k: string]: unknown;
      }[]
    | null;
  /**
   * Why the status is `error`.
   */
  error?: {
    /**
     * For people.
     */
    message?: string;
    /**
     * For programs.
     */
    code?: string;
    [k: string]: unknown;
  } | null;
  [k: string]: unknown;
}
