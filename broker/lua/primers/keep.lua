-- A live job's first segment was spoken: kept for whoever asks for the same. Where there are too many, those go that
-- were heard longest ago.
-- KEYS 1 chorus:primers, 2 chorus:primers:used (chorus/keys.py). ARGV 1 digest, 2 how long one is kept, in ms, 3 the
-- bytes, 4 how many there may be, 5 how many go at once. Answers how many are kept.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('ZADD', KEYS[2], now, ARGV[1])
if redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[4]) then
  for _, old in ipairs(redis.call('ZRANGE', KEYS[2], 0, ARGV[5] - 1)) do
    redis.call('HDEL', KEYS[1], old)
    redis.call('ZREM', KEYS[2], old)
  end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end
return redis.call('ZCARD', KEYS[2])
