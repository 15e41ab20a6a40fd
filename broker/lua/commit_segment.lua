-- A segment was spoken: its audio is published, once, and everything that follows from it happens in this one call.
-- ARGV 3-5 as in guard.lua. ARGV 6: JSON {frames, wall_ms, audible, worker, source}; what a source `cache` or `primer`
-- gave was not spoken by this job. ARGV 7: the timings as JSON, kept for the sidecar. ARGV 8: how many values make one entry. ARGV 9…: the entries' fields and values, one entry after another
-- (chorus/wire.py).
-- Writes record, steps, specs, stream, entries, parts, segment_leases. Status: ok | done | gone.

local n = segment_of(step)
local told = cjson.decode(ARGV[6])
local width = tonumber(ARGV[8])
local ids = {}
for at = 9, #ARGV, width do
  local fields = {}
  for i = at, at + width - 1 do fields[#fields + 1] = ARGV[i] end
  ids[#ids + 1] = append(fields)
end
redis.call('HSET', entries, n, table.concat(ids, ' '))
local spec = segment_over(n, 'd', told.frames)
add('segments_done', 1)
add('frames', told.frames)
add('characters', spec.characters)
if told.source == 'cache' or told.source == 'primer' then
  add('segments_cached', 1)
  add('frames_cached', told.frames)
else
  add('audio_wall_ms', told.wall_ms)
  add('spoken_by:' .. told.worker, 1)
end
if request().format ~= '' then redis.call('HSET', specs, 'timings:' .. n, ARGV[7]) end
if not get('first_chunk_ms') then set('first_chunk_ms', now - asked_ms()) end
if told.audible and not get('first_audio_ms') then
  set('first_audio_ms', now - asked_ms())
  set('first_audio_from', told.source)
end
proceed()
return answer('ok')
