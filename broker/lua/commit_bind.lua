-- The finished file lies in the store. ARGV 3-5 as in guard.lua. ARGV 6: the result as JSON.
-- Writes record and steps, deletes what only work needs. Status: ok | done | gone.

redis.call('HSET', steps, step, 'd')
set('result', ARGV[6])
-- A job with segments missing keeps what `retry` needs.
if number('segments_failed') > 0 then
  drop_lease(step)
  enter('complete')
  set('finished_ms', now)
else
  finish('complete')
end
return answer('ok')
