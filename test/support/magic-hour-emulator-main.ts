/** The emulator as a process; needs Node and this folder alone. `EMULATOR_HOST`, `EMULATOR_PORT`, `EMULATOR_API_KEY`. */
import { EMULATOR_API_KEY, startMagicHourEmulator } from './magic-hour-emulator.ts';

const { EMULATOR_HOST, EMULATOR_PORT, EMULATOR_API_KEY: apiKey } = process.env;
const emulator = await startMagicHourEmulator({
  host: EMULATOR_HOST ?? '127.0.0.1',
  port: Number(EMULATOR_PORT ?? 9200),
  apiKeys: [apiKey ?? EMULATOR_API_KEY],
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void emulator.close());
process.stdout.write(`Magic Hour emulator: ${emulator.baseUrl}\n`);
