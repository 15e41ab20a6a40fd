-- A live job's first segment, if it was spoken or heard of late; from now on that counts as just heard.
-- KEYS 1 chorus:primers, 2 chorus:primers:used (chorus/keys.py). ARGV 1 digest, 2 how long one is kept, in ms.
-- Answers {what is kept, or nothing, how many are kept}.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2])) do
  redis.call('HDEL', KEYS[1], old)
  redis.call('ZREM', KEYS[2], old)
end
local found = redis.call('HGET', KEYS[1], ARGV[1])
if found then
  redis.call('ZADD', KEYS[2], now, ARGV[1])
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end
end
return { found or '', redis.call('ZCARD', KEYS[2]) }
