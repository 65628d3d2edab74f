/** `npm run architecture -- [--check] [--file PATH]`: writes the picture of the modules in docs/architecture.md from `src/`. */
import { importsIn } from './imports.ts';
import { keepMarkedPart } from './marked-part.ts';
import { modulePicture } from './module-picture.ts';

keepMarkedPart({
  name: 'modules',
  script: 'architecture',
  what: 'the picture of the modules',
  file: 'docs/architecture.md',
  content: modulePicture(importsIn(new URL('../src/', import.meta.url))),
});
