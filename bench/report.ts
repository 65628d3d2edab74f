export interface Goal {
  readonly figure: string;
  readonly value: string;
  readonly goal: string;
  readonly met: boolean;
}

export type Table = ReadonlyArray<readonly string[]>;

export const count = (value: number) => Math.round(value).toLocaleString('en-US');
export const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
export const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
export const ms = (milliseconds: number) => `${milliseconds.toFixed(1)} ms`;

export function goalTable(goals: readonly Goal[]): Table {
  return [
    ['figure', 'measured', 'goal', ''],
    ...goals.map(({ figure, value, goal, met }) => [figure, value, goal, met ? 'met' : 'MISSED']),
  ];
}
