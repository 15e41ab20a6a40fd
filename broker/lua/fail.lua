-- A living worker saw a step fail. ARGV 3-5 as in guard.lua. ARGV 6: the reason, a sentence.
-- ARGV 7: how many failures a step has before it is given up; 0 gives up at once. ARGV 8: 1 if the job cannot go on
-- whatever was wished on errors: what is wrong with this step is wrong with all of them.
-- Writes record, steps, attempts, stream, entries, parts, segment_leases, desk_leases.
-- Status: again | failed | done | gone. On "again" the step is on its way to its next attempt.

local n = segment_of(step)
local failures = redis.call('HINCRBY', attempts, 'fail:' .. step, 1)
if failures < tonumber(ARGV[7]) then
  drop_lease(step)
  dispatch(step, request())
  return answer('again')
end
redis.call('HSET', steps, step, 'f')
drop_lease(step)
if n then
  redis.call('HSET', entries, n, tell('failure', n, ARGV[6]))
  segment_over(n, 'f', 0)
  add('segments_failed', 1)
end
if n and ARGV[8] ~= '1' and request().on_error == 'silence' then
  proceed()
else
  stop('fail', ARGV[6])
end
return answer('failed')
