import type { Goal } from './report.ts';
import type { Surroundings } from './support/surroundings.ts';

export interface RunOptions {
  /** A short run, for trying; its figures mean little. */
  readonly quick: boolean;
  /** Of the part `memory`, in place of its own numbers. */
  readonly lookups?: number | undefined;
  readonly projects?: number | undefined;
  /** Of the part `tracing`: a revision to compare with. */
  readonly base?: string | undefined;
}

/** What a part has to say. */
export interface Section {
  readonly goals: readonly Goal[];
  /** Markdown, without a heading. */
  readonly text: string;
}

/** One thing that is measured, with a section of RESULTS.md of its own. */
export interface Part {
  /** As `--only` takes it. */
  readonly name: string;
  readonly heading: string;
  run(surroundings: Surroundings, options: RunOptions): Promise<Section>;
}
