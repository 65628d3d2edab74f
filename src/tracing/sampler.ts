import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { Settings } from '../config-schema.ts';

/**
 * The samplers of the specification by their names there.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function createSampler({ sampler, samplerArg }: Settings['tracing']): Sampler {
  const [root, parentBased] = /^(?:(parentbased)_)?(.*)$/.exec(sampler)?.slice(1).toReversed() ?? [];
  const own = ownSampler(root, samplerArg);
  return parentBased === undefined ? own : new ParentBasedSampler({ root: own });
}

function ownSampler(name: string | undefined, ratio: number): Sampler {
  if (name === 'traceidratio') return new TraceIdRatioBasedSampler(ratio);
  return name === 'always_off' ? new AlwaysOffSampler() : new AlwaysOnSampler();
}
