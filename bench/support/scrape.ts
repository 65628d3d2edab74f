/** Reads the sum of a metric's series from an ops listener. @param labels such as `result="memory_hit"` */
export async function scrape(opsUrl: string): Promise<(name: string, labels?: string) => number> {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  return (name, labels = '') =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => line.includes(labels))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
