import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { endProcess, killWithParent } from './child-process.ts';
import { findOrInstall } from './debian-program.ts';
import { freePort } from './free-port.ts';
import { type PrometheusClient, prometheusClient } from './prometheus-client.ts';

export interface PrometheusOptions {
  /** `host:port` of ops listeners. */
  readonly targets: readonly string[];
  /** Absolute paths of rule files. */
  readonly ruleFiles?: readonly string[];
  /** The job's name; the rules and the dashboard go by the name that the deployments use. */
  readonly job?: string;
  readonly scrapeIntervalMs?: number;
  /** More for its command line. */
  readonly flags?: readonly string[];
}

export interface Prometheus extends PrometheusClient {
  readonly url: string;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;

/** The path of `promtool`, found or installed. @throws Error that says what to install */
export function findPromtool(): Promise<string> {
  return findOrInstall('promtool', 'Prometheus', process.env, 'prometheus');
}

/** A real Prometheus that scrapes what it is told to; it dies with this process, however that ends. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const { targets, ruleFiles = [], job = 'magic-hour-bff', scrapeIntervalMs = 1000, flags = [] } = options;
  const program = await findOrInstall('prometheus', 'Prometheus');
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-prometheus-'));
  const configPath = join(folder, 'prometheus.yml');
  const interval = `${scrapeIntervalMs}ms`;
  await writeFile(
    configPath,
    stringify({
      global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
      rule_files: ruleFiles,
      scrape_configs: [{ job_name: job, static_configs: [{ targets }] }],
    }),
  );
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    program,
    [
      `--config.file=${configPath}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
      ...flags,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  killWithParent(child);
  const giveUp = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  const output: string[] = [];
  const ready = await (async () => {
    for await (const line of createInterface({ input: child.stderr })) {
      output.push(line);
      if (line.includes('Server is ready to receive web requests')) return true;
    }
    return false;
  })();
  clearTimeout(giveUp);
  if (!ready) throw new Error(`prometheus did not start:\n${output.join('\n')}`);
  // What it writes later is nobody's, and a full pipe would block it.
  child.stderr.resume();

  return {
    url,
    ...prometheusClient(url),
    async stop() {
      await endProcess(child, 'SIGTERM');
      await rm(folder, { recursive: true });
    },
  };
}
