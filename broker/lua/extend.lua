-- A plan step hands over segments as it cuts them. Numbers and parts are given here, in order, once: what a chapter
-- has already is passed over, so a plan that died halfway is simply made again.
-- ARGV 3-5 as in guard.lua. ARGV 6: the document as JSON {title, author, series, language, chapters, characters}, with
-- the first call of plan:0, else empty. ARGV 7: index within the chapter of the first spec. ARGV 8…: specs as JSON
-- {chapter, frames, g2p_ms, …}. One with `stored` {part, number, frames} lies in the store since an earlier ledger lost
-- this job: if it gets the same place again, it counts as spoken.
-- Writes record, specs, steps, parts, chapters. Status: ok | enough | again | done | gone. On "enough" the rest of the
-- chapter is planned later, on "again" all of it: the server has lost what was handed over before.

local k = tonumber(string.match(step, '%d+$'))

local function open_part(m, spec, frames)
  local part = m >= 0 and part_at(m) or nil
  if part and not part.closed and part.chapter == spec.chapter and frames < PART_FRAMES then return m, part, frames end
  if part and not part.closed then
    part.closed = true
    keep_part(m, part)
  end
  set('parts_total', m + 2)
  local first = number('segments_planned')
  return m + 1, { chapter = spec.chapter, first = first, last = first - 1, left = 0, closed = false }, 0
end

local function take(spec)
  local n = number('segments_planned')
  local m, part, frames = open_part(number('parts_total') - 1, spec, number('part_frames'))
  spec.n, spec.part = n, m
  part.last = n
  local stored = spec.stored
  if stored and stored.part == m and stored.number == n then
    redis.call('HSET', steps, 'segment:' .. n, 'd')
    add('segments_done', 1)
    add('frames', stored.frames)
    add('characters', spec.characters)
  else
    redis.call('HSET', steps, 'segment:' .. n, 'w')
    part.left = part.left + 1
  end
  keep_part(m, part)
  redis.call('HSET', specs, n, cjson.encode(spec))
  set('part_frames', frames + spec.frames)
  add('segments_planned', 1)
  add('g2p_us', math.floor(1000 * (spec.g2p_ms or 0)))
end

if ARGV[6] ~= '' then
  local document = cjson.decode(ARGV[6])
  set('document', ARGV[6])
  set('chapters_total', document.chapters)
  set('characters_total', document.characters)
end
local found = redis.call('HGET', chapters, k)
local chapter = found and object('its chapter ' .. k, found) or { first = number('segments_planned'), count = 0 }
if tonumber(ARGV[7]) > chapter.count then
  put_plan_off(step)
  proceed()
  return answer('again')
end
for i = 8, #ARGV do
  if tonumber(ARGV[7]) + i - 8 == chapter.count then
    take(cjson.decode(ARGV[i]))
    chapter.count = chapter.count + 1
  end
end
redis.call('HSET', chapters, k, cjson.encode(chapter))
proceed()
if ahead() >= most_ahead() or first_words_pending(request()) then
  put_plan_off(step)
  return answer('enough')
end
return answer('ok')
