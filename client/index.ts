/** Follows Magic Hour projects through a magic-hour-bff, in browsers and in Node; see README.md beside this file. */
export type { AudioProject, ImageProject, VideoProject } from './types.ts';
export { WatchError } from './watch-error.ts';
export { type Kind, type Project, type WatchOptions, watchProject } from './watch-project.ts';
