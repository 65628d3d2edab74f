/** The floor of Node: the same bytes from a Map, and nothing else. `PORT`, `BODIES_FILE` ({id: text}). */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { z } from 'zod';

const { PORT, BODIES_FILE } = z
  .object({ PORT: z.coerce.number(), BODIES_FILE: z.string() })
  .parse(process.env);
const texts = z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(BODIES_FILE, 'utf8')));
const bodies = new Map(
  Object.entries(texts).map(([id, text]) => [`/v1/image-projects/${id}`, Buffer.from(text)]),
);

createServer((req, res) => {
  res.setHeader('Content-Type', 'application/json');
  res.end(bodies.get(req.url ?? ''));
}).listen(PORT, '127.0.0.1');
