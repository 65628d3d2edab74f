/** The yardstick: one Express 5 route as it comes, answering the same bytes. `PORT`, `BODIES_FILE` ({id: text}). */
import { readFileSync } from 'node:fs';
import express from 'express';
import { z } from 'zod';

const { PORT, BODIES_FILE } = z
  .object({ PORT: z.coerce.number(), BODIES_FILE: z.string() })
  .parse(process.env);
const texts = z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(BODIES_FILE, 'utf8')));
const bodies = new Map(Object.entries(texts).map(([id, text]) => [id, Buffer.from(text)]));

const app = express();
app.get('/v1/image-projects/:id', (req, res) => {
  res.setHeader('Content-Type', 'application/json');
  res.end(bodies.get(req.params.id));
});
app.listen(PORT, '127.0.0.1');
