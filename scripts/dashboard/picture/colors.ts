/** Grafana's classic palette, which it gives to series in this order. */
export const PALETTE = [
  '#73BF69',
  '#F2CC0C',
  '#8AB8FF',
  '#FF780A',
  '#F2495C',
  '#5794F2',
  '#B877D9',
  '#C8F2C2',
  '#FFEE52',
  '#CA95E5',
  '#FFB357',
];

/** Grafana's hues, and their shades as far as the dashboard names them. */
const NAMED: Readonly<Record<string, string>> = {
  'dark-red': '#C4162A',
  'semi-dark-red': '#E02F44',
  'light-red': '#FF7383',
  'super-light-red': '#FFA6B0',
  'dark-orange': '#FA6400',
  'super-light-orange': '#FFCB7D',
  green: '#73BF69',
  yellow: '#FADE2A',
  orange: '#FF9830',
  red: '#F2495C',
  blue: '#5794F2',
  purple: '#B877D9',
  text: '#CCCCDC',
};

/** What one of Grafana's names of colors looks like in its dark theme. @throws Error for one that is not known here */
export function colorOf(name: string): string {
  const color = NAMED[name];
  if (color === undefined) throw new Error(`which color is ${name}?`);
  return color;
}
