-- A part lies in the store: its audio leaves Redis, by the ids of exactly its own entries.
-- ARGV 3-5 as in guard.lua. Writes record, steps, specs, stream, entries, parts, desk_leases. Status: ok | done | gone.

local m = tonumber(string.match(step, '%d+$'))
free(m, known_part(m))
redis.call('HSET', steps, step, 'd')
drop_lease(step)
add('parts_done', 1)
local freed = number('freed')
while state_of('part:' .. freed) == 'd' do freed = freed + 1 end
set('freed', freed)
proceed()
return answer('ok')
