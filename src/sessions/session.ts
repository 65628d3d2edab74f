import { z } from 'zod';

const identitySchema = z.object({
  issuer: z.string(),
  subject: z.string(),
  tenant: z.string().optional(),
  scopes: z.array(z.string()),
  plan: z.string().optional(),
});

export const sessionSchema = z.object({
  identity: identitySchema,
  /** `sub` and `sid` of the ID token, by which the provider names it when it ends it. */
  sub: z.string(),
  sid: z.string().optional(),
  /** For the page to show; nothing is decided by them. */
  name: z.string().optional(),
  email: z.string().optional(),
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  /** Unix milliseconds at which the access token ends. */
  accessExpiresAtMs: z.number(),
  /** Unix milliseconds from which on it is time for another access token. */
  refreshAtMs: z.number(),
  /** Unix milliseconds at which it ends, whatever is done with it. */
  endsAtMs: z.number(),
});

/** Whom a session speaks for; from its access token, or its ID token where that is not one for this service to read. */
export type SessionIdentity = Readonly<z.output<typeof identitySchema>>;

/** What is kept of a browser's session. Its tokens never leave the server. */
export type Session = Readonly<z.output<typeof sessionSchema>>;

/** What a browser holds: 256 random bits in base64url. Whoever has it has the session. */
export const SESSION_SECRET = /^[A-Za-z0-9_-]{43}$/;

/** Keeps sessions. Every call rejects where it can't be done at the moment. */
export interface SessionStore {
  /** @returns `undefined` where there is none, or it can't be read any more */
  read(secret: string): Promise<Session | undefined>;
  exists(secret: string): Promise<boolean>;
  /** Keeps a new one, and finds it again by its user and by the provider's name for it. */
  create(secret: string, session: Session): Promise<void>;
  /** Puts a session in the place of itself. @returns `false` where it has ended meanwhile; then nothing is kept */
  replace(secret: string, session: Session): Promise<boolean>;
  /** Lets it live on, since it is used. */
  touch(secret: string, session: Session): Promise<void>;
  end(secret: string, session: Session): Promise<void>;
  /** Ends all of a user's. @returns how many there were */
  endAllOf(sub: string): Promise<number>;
  /**
   * Ends those that the provider names so, and those of the same user that it gave no name.
   *
   * @returns how many there were
   */
  endNamed(sid: string, sub: string | undefined): Promise<number>;
  /** The right to refresh a session, for one at a time and for some seconds. */
  lockRefresh(secret: string): Promise<RefreshLock | 'taken' | 'cooling'>;
  /** Remembers that something was done, for as long as it could come again. @returns `false` where that is known already */
  remember(what: string, forMs: number): Promise<boolean>;
  remembers(what: string): Promise<boolean>;
}

export interface RefreshLock {
  release(): Promise<void>;
  /** Keeps others from it for a moment, since it would fail for them as well. */
  coolDown(): Promise<void>;
}
