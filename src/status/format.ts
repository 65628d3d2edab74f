/** Where there is nothing to count yet. */
export const NOTHING = '–';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function formatCount(count: number): string {
  return whole.format(count);
}

/** Three digits that count. What is rare is told by the minute, so that one event never reads as none. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return '0/s';
  if (perSecond < 0.1) return `${Number((perSecond * 60).toPrecision(2))}/min`;
  const digits = perSecond < 10 ? 2 : perSecond < 100 ? 1 : 0;
  return `${perSecond < 100 ? perSecond.toFixed(digits) : whole.format(perSecond)}/s`;
}

/** Never 100 % where a part is missing. */
export function formatShare(share: number | undefined): string {
  return share === undefined ? NOTHING : `${(Math.floor(share * 1000 + 1e-9) / 10).toFixed(1)} %`;
}

export function formatBytes(bytes: number): string {
  const [mebibyte, gibibyte] = [2 ** 20, 2 ** 30];
  if (bytes >= gibibyte) return `${(bytes / gibibyte).toFixed(1)} GiB`;
  return bytes >= mebibyte ? `${(bytes / mebibyte).toFixed(1)} MiB` : `${(bytes / 1024).toFixed(1)} KiB`;
}

/** The two largest units of a time. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts: Array<[number, string]> = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first === -1 ? parts.slice(-1) : parts.slice(first, first + 2);
  return shown
    .filter(([count], at) => at === 0 || count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** In UTC, as logs have it. */
export function formatMoment(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

export function formatMilliseconds(ms: number): string {
  return ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1000).toPrecision(3))} s`;
}

/** Of a time that is known by its bucket: no more than its bound. */
export function formatAtMost(seconds: number | undefined): string {
  if (seconds === undefined) return NOTHING;
  return Number.isFinite(seconds) ? `≤ ${formatMilliseconds(seconds * 1000)}` : 'over 15 s';
}
