-- A key of ours that belongs to no job, and that somebody wrote with another Redis type, would refuse every command. It
-- is moved away, and expires there; our next command makes a new one.
-- KEYS: those keys, and behind them, in the same order, where each is moved to (chorus/keys.py). ARGV 1: how long what is
-- moved is kept, in seconds; then the type that each key must have. Answers the keys that were moved.

local moved = {}
local count = #KEYS / 2
for at = 1, count do
  local kind = redis.call('TYPE', KEYS[at]).ok
  if kind ~= 'none' and kind ~= ARGV[at + 1] then
    redis.call('RENAME', KEYS[at], KEYS[at + count])
    redis.call('EXPIRE', KEYS[at + count], ARGV[1])
    moved[#moved + 1] = KEYS[at]
  end
end
return moved
