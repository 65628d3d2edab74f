/** `npm run settings -- [--check] [--file PATH]`: writes README.md's table of settings from `config/`. */
import { fail, keepMarkedPart } from './marked-part.ts';
import { settingsFaults, settingsTable } from './settings.ts';

const faults = settingsFaults();
if (faults.length > 0) fail(faults.join('\n'));
keepMarkedPart({
  name: 'settings',
  what: 'the table of settings',
  file: 'README.md',
  content: settingsTable(),
});
