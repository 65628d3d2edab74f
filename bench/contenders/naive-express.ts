/**
 * The same service out of the same libraries, as a competent person would first write it: every library with its own
 * defaults, asked on every request.
 */
import { randomUUID } from 'node:crypto';
import axios from 'axios';
import express, { type NextFunction, type Request, type Response } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import { Redis } from 'ioredis';
import { importSPKI, jwtVerify } from 'jose';
import { pinoHttp } from 'pino-http';
import { collectDefaultMetrics, Histogram, register } from 'prom-client';
import { type RedisReply, RedisStore } from 'rate-limit-redis';
import { readSettings } from './settings.ts';

const CACHE_SECONDS = 3600;

const { port, upstreamUrl, upstreamKey, issuer, audience, publicKey, redisUrl, limit } = readSettings();
const redis = new Redis(redisUrl);
const key = await importSPKI(publicKey, 'RS256');

collectDefaultMetrics();
const duration = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Seconds from a request to the end of its response.',
  labelNames: ['method', 'route', 'status'],
});

const app = express();

app.use((req, res, next) => {
  const end = duration.startTimer();
  res.on('finish', () =>
    end({ method: req.method, route: req.route?.path ?? 'none', status: res.statusCode }),
  );
  next();
});
app.use(
  pinoHttp({
    redact: ['req.headers.authorization'],
    genReqId(_req, res) {
      const id = randomUUID();
      res.setHeader('X-Request-Id', id);
      return id;
    },
  }),
);
app.use(helmet());

app.get('/metrics', async (_req, res) => {
  res.type(register.contentType).send(await register.metrics());
});

async function authenticate(req: Request, res: Response, next: NextFunction): Promise<void> {
  try {
    const [, token = ''] = (req.headers.authorization ?? '').split(' ');
    const { payload } = await jwtVerify(token, key, {
      issuer,
      audience,
      algorithms: ['RS256'],
      requiredClaims: ['sub', 'exp'],
    });
    res.locals.user = payload.sub;
  } catch {
    res.status(401).json({ message: 'Unauthorized' });
    return;
  }
  next();
}

const limitByUser = rateLimit({
  windowMs: 60_000,
  limit,
  standardHeaders: 'draft-8',
  legacyHeaders: false,
  keyGenerator: (_req, res) => res.locals.user,
  store: new RedisStore({
    // Each instance of a benchmark counts for itself.
    prefix: `naive:${process.pid}:`,
    // As its README has it.
    sendCommand: (command: string, ...args: string[]) => redis.call(command, ...args) as Promise<RedisReply>,
  }),
});

app.get('/v1/image-projects/:id', authenticate, limitByUser, async (req, res) => {
  const cacheKey = `naive:project:${req.params.id}`;
  const cached = await redis.get(cacheKey);
  if (cached !== null) {
    res.json(JSON.parse(cached));
    return;
  }
  const { data } = await axios.get(`${upstreamUrl}${req.path}`, {
    headers: { authorization: `Bearer ${upstreamKey}` },
  });
  await redis.set(cacheKey, JSON.stringify(data), 'EX', CACHE_SECONDS);
  res.json(data);
});

app.listen(port, '127.0.0.1');
