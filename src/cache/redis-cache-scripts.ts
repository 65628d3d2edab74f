/**
 * What the cache has Redis do at one go. A project has five keys: its answer, the mark of its last purge, its flight, which is
 * the token of whoever leads it, with a `+` behind it once somebody waits, one that says that somebody watches it, and one that
 * says that it was seen to be over. `MGET` takes a key of another type for none, and `SET` replaces it.
 */
import { redisScript } from './redis-script.ts';

/**
 * Reads, and joins the flight where there is no answer.
 *
 * KEYS: answer, mark, flight. ARGV: a token to lead by (none: only read), milliseconds for which it leads, 1 to join anyway.
 * Returns the answer, the mark, the answer's life, whose flight it is, and the milliseconds that are left of that.
 */
export const READ = redisScript(`
local found = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3])
local reply = { found[1], found[2], redis.call('PTTL', KEYS[1]), false, 0 }
if ARGV[1] == '' or (found[1] and ARGV[3] ~= '1') then
  return reply
end
local flight = found[3]
local left = redis.call('PTTL', KEYS[3])
-- What has no end, or a later one than any flight, is none of ours.
if flight and left >= 0 and left <= tonumber(ARGV[2]) then
  if string.sub(flight, -1) ~= '+' then
    redis.pcall('SET', KEYS[3], flight .. '+', 'KEEPTTL')
  end
  reply[4] = flight
  reply[5] = left
  return reply
end
local taken = redis.pcall('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
if not taken.err then
  reply[4] = ARGV[1]
elseif string.find(taken.err, 'READONLY', 1, true) then
  return taken
end
return reply
`);

/**
 * Stores an answer for as long as it has to live, which Redis counts by itself, so that nobody's clock need agree with
 * another's. Stores nothing if the project was purged since the flight that brought it began: then another mark stands
 * here than the one that the flight saw. (A mark outlives every flight, so that none here means no purge.) What is stored
 * leaves the mark alone, so that a write which is later still is held against it too. Nor does it store anything if the
 * flight has meanwhile gone to somebody else: what that one brought is newer.
 *
 * KEYS: answer, mark, flight, watched, over. ARGV: answer, its life, the mark that was seen, the token (none: of no flight of
 * the fleet), channel and message for those who wait, channel and message for those who watch, and for how long it is
 * remembered that the project is over (0: not). Returns whether it was stored.
 */
export const STORE = redisScript(`
local found = redis.call('MGET', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
-- An end that a lookup saw is newer than what a delivery said that is none, whichever began first.
local ends = ARGV[9] ~= '0' and found[1] and string.sub(found[1], 1, 1) == 'D' and not found[4]
local waited = false
if ARGV[4] ~= '' then
  waited = found[2] == ARGV[4] .. '+'
  if waited or found[2] == ARGV[4] then
    redis.call('DEL', KEYS[3])
  elseif not ends then
    return 0
  end
end
if found[1] and found[1] ~= ARGV[3] and not ends then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[9] ~= '0' then
  redis.call('SET', KEYS[5], '1', 'PX', ARGV[9])
end
if waited then
  redis.pcall('PUBLISH', ARGV[5], ARGV[6])
end
if found[3] and ARGV[7] ~= '' then
  redis.pcall('PUBLISH', ARGV[7], ARGV[8])
end
return 1
`);

/**
 * Remembers for so long that a project is watched; watching it again makes that no longer.
 *
 * KEYS: watched. ARGV: milliseconds. Returns the milliseconds since it was first watched.
 */
export const WATCH = redisScript(`
local memory = tonumber(ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left > 0 and left <= memory then
  return memory - left
end
redis.call('SET', KEYS[1], '1', 'PX', memory)
return 0
`);

/** KEYS: flight. ARGV: token, channel, message. */
export const END_FLIGHT = redisScript(`
local flight = redis.call('MGET', KEYS[1])[1]
local waited = flight == ARGV[1] .. '+'
if not waited and flight ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
if waited then
  redis.pcall('PUBLISH', ARGV[2], ARGV[3])
end
return 1
`);

/** KEYS: flight. ARGV: token, milliseconds. Returns whether this one still leads. */
export const RENEW_FLIGHT = redisScript(`
local flight = redis.call('MGET', KEYS[1])[1]
if flight ~= ARGV[1] and flight ~= ARGV[1] .. '+' then
  return 0
end
redis.call('SET', KEYS[1], flight, 'PX', ARGV[2])
return 1
`);

/**
 * Lets a flight go that is under way, too. The write that frees memory comes first: after it, a Redis that is full lets the
 * script go on.
 *
 * KEYS: answer, mark, flight. ARGV: the new mark, its life, channel, how a flight ends by this.
 */
export const PURGE = redisScript(`
local flight = redis.call('MGET', KEYS[3])[1]
redis.call('DEL', KEYS[1], KEYS[3])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
if flight and ARGV[3] ~= '' and string.sub(flight, -1) == '+' then
  redis.pcall('PUBLISH', ARGV[3], cjson.encode({ flight = string.sub(flight, 1, -2), how = ARGV[4] }))
end
return 1
`);

/**
 * Keeps what a webhook said, unless the project was purged or is over, or the same delivery was here before. Nothing is
 * announced before all is kept.
 *
 * The delivery itself is remembered last: one that fails half-way is no repetition the next time.
 *
 * Flights that are under way are let go as by a purge, and a mark holds what they bring against them. It begins with a letter
 * of its own, which tells it from a purge's: that one stays, so that no later delivery brings back what was purged.
 *
 * KEYS: answer, mark, flight, watched, over, delivery. ARGV: answer, its life, how marks of deliveries begin, the new mark, for
 * how long that and the end of a project are remembered, 1 if it is over, for how long the delivery is remembered, channel
 * for those who wait for a flight, channel and message for all replicas. Returns what became of it.
 */
export const DELIVER = redisScript(`
local found = redis.call('MGET', KEYS[6], KEYS[2], KEYS[5], KEYS[3])
if found[1] then
  return 'replayed'
end
local refused = found[3] and 'outdated'
if found[2] and string.sub(found[2], 1, #ARGV[3]) ~= ARGV[3] then
  refused = 'purged'
end
if refused then
  redis.call('SET', KEYS[6], '1', 'PX', ARGV[7])
  return refused
end
redis.call('DEL', KEYS[1], KEYS[3])
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
if tonumber(ARGV[2]) > 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
if ARGV[6] == '1' then
  redis.call('SET', KEYS[5], '1', 'PX', ARGV[5])
end
redis.call('SET', KEYS[6], '1', 'PX', ARGV[7])
local flight = found[4]
if flight and ARGV[8] ~= '' and string.sub(flight, -1) == '+' then
  redis.pcall('PUBLISH', ARGV[8], cjson.encode({ flight = string.sub(flight, 1, -2), how = 'stored' }))
end
redis.pcall('PUBLISH', ARGV[9], ARGV[10])
return 'stored'
`);
