-- Stands between lib.lua and every commit: who may still write.
-- ARGV 3 step, 4 token, 5 epoch. The first finisher wins, whatever attempt it was; another epoch is gone.

local step, token, epoch = ARGV[3], ARGV[4], ARGV[5]
local before = get('state')
if (before ~= 'running' and before ~= 'paused') or get('epoch') ~= epoch then return answer('gone') end
local standing = state_of(step)
if not standing then return answer('gone') end
if standing == 'd' or standing == 'f' then return answer('done') end
