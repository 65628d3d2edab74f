import { delimiter } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { findOrInstall } from '../test/support/debian-program.ts';
import { type Containers, containersOf, say, until } from './containers.ts';

const POLL_MS = 500;

const containersSchema = z.array(
  z.object({
    Id: z.string(),
    Config: z.object({ Labels: z.record(z.string(), z.string()), Env: z.array(z.string()) }),
    State: z.object({
      ExitCode: z.number(),
      StartedAt: z.coerce.date(),
      Health: z.object({ Status: z.string() }).optional(),
    }),
    HostConfig: z.object({ ReadonlyRootfs: z.boolean(), PidsLimit: z.number(), Memory: z.number() }),
  }),
);

export type Container = z.output<typeof containersSchema>[number] & {
  readonly service: string;
  readonly health: string | undefined;
};

export interface ComposeOptions {
  readonly name: string;
  /** Where these aren't those that docker-compose takes by itself. */
  readonly files?: readonly string[];
  /** What the files take from the environment. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface ComposeProject {
  readonly podman: Containers;
  readonly compose: Containers;
  /** Starts these services and what they depend on, by default all, and returns when each of them is healthy. */
  up(...services: string[]): Promise<void>;
  containers(): Promise<Container[]>;
  /** @returns each service with its exit code, as `bff 0` */
  stop(): Promise<string[]>;
  /** Ends a start that is under way, and removes containers, networks and volumes. @throws Error where something is left */
  down(): Promise<void>;
}

/**
 * The compose files of this folder, by `bash TOOL compose …` (docker-compose 1) and `bash TOOL podman …`, whose health checks
 * don't fire by themselves: as long as something waits for them, they are run from here.
 */
export function composeProject(
  tool: string,
  { name, files = [], variables }: ComposeOptions,
): ComposeProject {
  const callingOff = new AbortController();
  const environment = {
    ...variables,
    COMPOSE_PROJECT_NAME: name,
    ...(files.length > 0 && { COMPOSE_FILE: files.join(delimiter) }),
  };
  const run = containersOf(tool, environment);
  let starting: Promise<unknown> | undefined;
  const podman: Containers = (...args) => run('podman', ...args);
  const compose: Containers = (...args) => run('compose', ...args);
  const filter = ['--filter', `label=com.docker.compose.project=${name}`];

  async function ids(...of: string[]): Promise<string[]> {
    const { stdout } = await podman(...of, '--quiet', ...filter);
    return stdout.split('\n').filter((id) => id !== '');
  }

  async function checkHealth(): Promise<void> {
    // A check that fails is told by the container's state, and counts against it there.
    for (const id of await ids('ps')) await podman('healthcheck', 'run', id).catch(() => undefined);
  }

  async function containers(): Promise<Container[]> {
    const { stdout } = await podman('inspect', '--type', 'container', ...(await ids('ps', '--all')));
    return containersSchema.parse(JSON.parse(stdout)).map((container) => ({
      ...container,
      service: container.Config.Labels['com.docker.compose.service'] ?? '',
      health: container.State.Health?.Status,
    }));
  }

  return {
    podman,
    compose,
    containers,
    async up(...services) {
      const start = containersOf(tool, environment, callingOff.signal);
      let isOver = false;
      const started = start('compose', 'up', '--detach', '--no-build', ...services).finally(() => {
        isOver = true;
      });
      starting = started.catch(() => undefined);
      while (!isOver) {
        await checkHealth();
        await sleep(POLL_MS);
      }
      await started;
      await until('all services healthy', async () => {
        await checkHealth();
        return (await containers()).every(({ health }) => health === 'healthy') || undefined;
      });
    },
    async stop() {
      await compose('stop');
      return (await containers()).map(({ service, State }) => `${service} ${State.ExitCode}`);
    },
    async down() {
      callingOff.abort();
      await starting;
      await compose('down', '--volumes', '--remove-orphans', '--timeout', '0');
      const left = [
        ...(await ids('ps', '--all')),
        ...(await ids('network', 'ls')),
        ...(await ids('volume', 'ls')),
      ];
      if (left.length > 0) throw new Error(`${name} left behind: ${left}`);
    },
  };
}

/** Removes the project when it was used, whatever came of that, and also when this process is told to end meanwhile. */
export async function useProject(project: ComposeProject, use: () => Promise<void>): Promise<void> {
  let removal: Promise<void> | undefined;
  const remove = () => {
    removal ??= project.down().then(() => say('removed: containers, networks, volumes'));
    return removal;
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => void remove().finally(() => process.exit(1)));
  try {
    await use();
  } catch (error) {
    if (removal === undefined) await showLogs(project);
    throw error;
  } finally {
    await remove();
  }
}

async function showLogs({ containers, podman }: ComposeProject): Promise<void> {
  for (const { Id, service, health } of await containers().catch(() => [])) {
    const log = await podman('logs', '--tail', '20', Id).catch(() => undefined);
    say(`${service} (${health}):\n${log?.stdout ?? ''}${log?.stderr ?? ''}`);
  }
}

/** In its networks podman resolves the services' names by a plugin that Debian has in a package of its own. */
export async function resolveNames(): Promise<void> {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/lib/cni` };
  await findOrInstall('dnsname', 'it', env, 'golang-github-containernetworking-plugin-dnsname');
}
