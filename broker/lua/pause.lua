-- A living worker met something outside that would refuse every other step too: a full disk, a store that is away. The
-- job pauses and says why in `waiting`. Nothing is wrong with the step: it is not counted, and goes out again on resume.
-- ARGV 3-5 as in guard.lua. ARGV 6: the reason, a sentence.
-- Writes record, steps, owners, attempts, segment_leases, desk_leases. Status: paused | done | gone.

if redis.call('HGET', owners, step) == token then
  redis.call('HINCRBY', attempts, step, -1)
  redis.call('HDEL', owners, step)
  redis.call('HSET', steps, step, 's')
  redis.call('ZADD', leases_of(step), now, step)
end
enter('refuse')
set('waiting', ARGV[6])
return answer('paused')
