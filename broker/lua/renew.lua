-- The owner of a step says that it still works on it.
-- ARGV 3 step, 4 token. Reads record, owners; writes segment_leases, desk_leases. Status: ok | gone.

local step, token = ARGV[3], ARGV[4]
local state = get('state')
if (state ~= 'running' and state ~= 'paused') or redis.call('HGET', owners, step) ~= token then return answer('gone') end
redis.call('ZADD', leases_of(step), 'XX', now + lease_ms, step)
return answer('ok')
