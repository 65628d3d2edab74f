/** A query as Prometheus takes it, with a value in place of each of the dashboard's variables. */
export function withoutVariables(
  expr: string,
  { job, instance = '.*', rateInterval }: { job: string; instance?: string; rateInterval: string },
): string {
  return expr
    .replaceAll('$__rate_interval', rateInterval)
    .replaceAll('$job', job)
    .replaceAll('$instance', instance);
}
