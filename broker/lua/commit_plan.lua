-- A chapter is planned to its end. ARGV 3-5 as in guard.lua. ARGV 6: the chapter as JSON {title, characters, segments,
-- sha256, unsaid}, of which the last two may be missing.
-- Writes record, steps, desk_leases, parts, chapters; deletes the source behind the last chapter.
-- Status: ok | again | done | gone. On "again" the server has lost segments, and the chapter is planned once more.

local k = tonumber(string.match(step, '%d+$'))
local chapter = object('its chapter ' .. k, redis.call('HGET', chapters, k) or nil)
local told = cjson.decode(ARGV[6])
if chapter.count < (told.segments or 0) then
  put_plan_off(step)
  proceed()
  return answer('again')
end
chapter.title, chapter.characters, chapter.sha256 = told.title, told.characters, told.sha256
-- An empty list would come back as an empty table, which is something else in JSON.
if told.unsaid and #told.unsaid > 0 then chapter.unsaid = told.unsaid end
redis.call('HSET', chapters, k, cjson.encode(chapter))
local last = number('parts_total') - 1
local part = last >= 0 and part_at(last)
if part and not part.closed then
  part.closed = true
  keep_part(last, part)
end
redis.call('HSET', steps, step, 'd')
drop_lease(step)
set('chapters_planned', k + 1)
if k + 1 >= number('chapters_total') then redis.call('DEL', source) end
proceed()
return answer('ok')
