-- The owner of a step says that it still works on it.
-- ARGV 3 step, 4 token. ARGV 5, if any: how many frames a bind has encoded so far; 0 when it begins.
-- Reads record, owners; writes record, segment_leases, desk_leases. Status: ok | gone.

local step, token = ARGV[3], ARGV[4]
local state = get('state')
if (state ~= 'running' and state ~= 'paused') or redis.call('HGET', owners, step) ~= token then return answer('gone') end
redis.call('ZADD', leases_of(step), 'XX', now + lease_ms, step)
if ARGV[5] then
  if ARGV[5] == '0' then set('bind_started_ms', now) end
  set('bound_frames', ARGV[5])
end
return answer('ok')
