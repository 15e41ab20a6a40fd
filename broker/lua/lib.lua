-- What all scripts of this folder share. In front of it stands what broker/scripts.py declares: the keys by name, TTLs,
-- resend times, the fields of a stream entry, and TRANSITIONS (chorus/states.py).
--
-- KEYS, always all of a job's keys, in the order of chorus/keys.py:
--    1 record    hash    the job: state, request, counters, result
--    2 source    string  the document, until its last chapter is planned
--    3 cover     string  a cover image given with the request
--    4 steps     hash    step -> w waiting, s sent, r running, d done, f failed
--    5 specs     hash    segment number -> its spec as JSON, and "timings:<n>" -> what its commit told, until its part is stored
--    6 owners    hash    step -> token of the attempt that runs it, `<worker>/<random>`
--    7 attempts  hash    step -> claims so far; "fail:<step>" -> failures a living worker saw
--    8 sends     hash    step -> hints sent since it was last claimed
--    9 segment_leases   zset    segments sent or running -> deadline in ms
--   10 desk_leases   zset    plan, part and bind steps sent or running -> deadline in ms
--   11 stream    stream  the audio (docs/wire.md)
--   12 entries   hash    segment number -> ids of its stream entries, until they are freed
--   13 parts     hash    part number -> {chapter, first, last, left, closed, held: frames in the stream} as JSON
--   14 chapters  hash    chapter number -> {title, first, count, characters, sha256, unsaid} as JSON
--   15 readers   hash    listener -> {segment, deadline_ms} as JSON
-- ARGV 1: what is known of the farm now, as JSON {slots: {sound: slots}, voices: {sound: {model, model_digest,
-- variant, voices}}, memory_tight}. ARGV 2: the lease in ms.
-- The rest is each script's own.
--
-- Every script answers {status, sound, store, hints, extra}. A hint is "queue step"; sending it twice, or never, does
-- no harm: the deadlines in `segment_leases` and `desk_leases` find what was lost.
--
-- What a newer release wrote is left as it is: the status is `newer`, and extra names what it is and its version. What no
-- release can have written ends the script with an error that begins with UNREADABLE: broker/damage.py knows what follows.

local PART_FRAMES = 60 * RATE_HZ
local SEGMENT_FRAMES = 11 * RATE_HZ -- what 150 tokens last, roughly
local PARTS_AHEAD = 3
local PLANNED_AHEAD = 1000 -- segments: about a megabyte, and two hours
local LISTENER_LEAD_MS = 10000

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local farm = cjson.decode(ARGV[1])
local lease_ms = tonumber(ARGV[2])
local hints = {}

local function refuse(what) error('UNREADABLE ' .. what, 0) end
local function get(field) return redis.call('HGET', record, field) end
local function number(field) return tonumber(get(field) or 0) or refuse('its ' .. field .. ' is no number') end

-- A JSON object; anything else is refused under this name.
local function object(what, text)
  local good, found = pcall(cjson.decode, text or '')
  if not good or type(found) ~= 'table' then refuse(what .. (text and ' is no JSON object' or ' is missing')) end
  return found
end
local function set(field, value) redis.call('HSET', record, field, value) end
local function add(field, by) return redis.call('HINCRBY', record, field, by) end
local function segment_of(step) return tonumber(string.match(step, '^segment:(%d+)$')) end
local function leases_of(step) if segment_of(step) then return segment_leases else return desk_leases end end

local CONDITIONS = {
  begun = function() return get('started_ms') end,
  missing = function() return number('segments_failed') > 0 end,
  unheard = function() return get('unheard') end,
}

-- Where an event leads the job from the state it is in; nil: the table has no such row, and the event is refused.
local function target(event)
  for _, rule in ipairs((TRANSITIONS[get('state')] or {})[event] or {}) do
    if rule.condition == '' or CONDITIONS[rule.condition]() then return rule.to end
  end
end

-- The one place where a job's state changes; it also counts the time that the job was running. Answers the new state;
-- nil: the event is refused, and nothing has changed.
local function enter(event)
  local from, to = get('state'), target(event)
  if to and to ~= from then
    if from == 'running' then add('active_ms', now - number('running_since_ms')) end
    if to == 'running' then set('running_since_ms', now) end
    set('state', to)
  end
  return to
end

-- When this run of the job was asked for.
local function asked_ms() return tonumber(get('asked_ms') or get('created_ms')) end

local function request()
  local wishes = object('its request', get('request'))
  if type(wishes.format) ~= 'string' then wishes.format = '' end
  return wishes
end

-- A part holds a minute of audio: without a bound, a number that somebody wrote there would keep the server in a loop.
local MOST_IN_PART = 100000
local function part_at(m)
  local found = redis.call('HGET', parts, m)
  if not found then return nil end
  local part = object('its part ' .. m, found)
  local first, last, left = tonumber(part.first), tonumber(part.last), tonumber(part.left)
  if not (first and last and left and last - first < MOST_IN_PART) then refuse('its part ' .. m .. ' has no bounds') end
  return part
end
local function known_part(m) return part_at(m) or refuse('its part ' .. m .. ' is missing') end
local function spec_at(n)
  local spec = object('its segment ' .. n, redis.call('HGET', specs, n) or nil)
  if not tonumber(spec.part) then refuse('its segment ' .. n .. ' has no part') end
  return spec
end
local function keep_part(m, part) redis.call('HSET', parts, m, cjson.encode(part)) end

-- A segment whose part is stored has left no trace but its number: the cursor has passed it.
local function state_of(step)
  local state = redis.call('HGET', steps, step)
  local n = segment_of(step)
  if not state and n and n < number('next') then return 'd' end
  return state
end

local function slots()
  local sound = get('sound')
  return sound and farm.slots[sound] or 0
end

-- The model's name and digests for the job's record, from the same view of the farm as its slots: no segment is sent
-- before the record can name the model that speaks it.
local function pin_voice()
  if (get('model') or '') ~= '' then return end
  for field, value in pairs(farm.voices[get('sound') or ''] or {}) do set(field, value) end
end

-- A listener that has more than ten seconds buffered leaves the live slot to others.
local function queue_of(step, wishes)
  if not segment_of(step) then
    if string.sub(step, 1, 4) ~= 'plan' or get('source_at') == 'store' then return 'store' end
    return wishes.live and 'desk.live' or 'desk'
  end
  if not wishes.live then return 'bulk' end
  local first = get('first_audio_ms')
  if not first then return 'live' end
  local heard_ms = now - (asked_ms() + tonumber(first))
  return number('frames') * 1000 / RATE_HZ - heard_ms > LISTENER_LEAD_MS and 'bulk' or 'live'
end

local function dispatch(step, wishes)
  local sent = redis.call('HINCRBY', sends, step, 1)
  local patience_ms = math.min(FIRST_RESEND_MS * 2 ^ (sent - 1), LAST_RESEND_MS)
  redis.call('HSET', steps, step, 's')
  redis.call('ZADD', leases_of(step), now + patience_ms, step)
  hints[#hints + 1] = queue_of(step, wishes) .. ' ' .. step
end

local function drop_lease(step)
  redis.call('ZREM', leases_of(step), step)
  redis.call('HDEL', owners, step)
  redis.call('HDEL', sends, step)
end

local function append(fields) return redis.call('XADD', stream, '*', unpack(fields)) end

-- The entries without audio: `end`, and `failure` of a segment or, with WHOLE_JOB, of the job.
local function tell(kind, segment, text)
  local fields = { unpack(SILENT_ENTRY) }
  fields[ENTRY_KIND], fields[ENTRY_SEGMENT] = kind, segment
  if text then fields[#fields + 1], fields[#fields + 2] = 't', text end
  return append(fields)
end

-- A book's share of the farm is its share of what is under way: an urgent one gets more, and no one gets nothing. It is
-- also what another book waits for at most: two segments' time where nobody chose a priority, on a farm of one slot too.
local SHARES = { low = 1, normal = 2, high = 4 }
local function window() return (SHARES[get('priority')] or SHARES.normal) * math.max(slots(), 1) end

-- Three parts of unfreed audio; a farm whose window holds more than that gets the room its window needs.
local function parts_ahead()
  return math.max(PARTS_AHEAD, 2 + math.floor(window() * SEGMENT_FRAMES / PART_FRAMES))
end

-- What is planned and not sent yet, and how much of that may be: a chapter may be a whole library.
local function ahead() return number('segments_planned') - number('next') end
local function most_ahead() return math.max(PLANNED_AHEAD, 4 * window()) end

-- A listener's first words have all cores to themselves: what follows them is cut once they are spoken, or given up.
local function first_words_pending(wishes)
  return wishes.live and number('segments_planned') > 0 and number('segments_done') + number('segments_failed') == 0
end

local function plan_ahead(wishes)
  if first_words_pending(wishes) then return end
  local k = number('chapters_planned')
  if k >= math.max(number('chapters_total'), 1) or redis.call('HEXISTS', steps, 'plan:' .. k) == 1 then return end
  local begun = redis.call('HEXISTS', chapters, k) == 1
  local near = begun and ahead() < most_ahead() / 2
    or not begun and k <= number('chapter_now') + 1 and ahead() < most_ahead()
  if near or ahead() < 2 * window() then dispatch('plan:' .. k, wishes) end
end

-- A plan step ends without its chapter: the rest is planned by another one, sooner or later. No attempt was lost.
local function put_plan_off(step)
  drop_lease(step)
  redis.call('HDEL', steps, step)
  redis.call('HDEL', attempts, step)
end

local function send_segments(wishes)
  local next, planned, freed = number('next'), number('segments_planned'), number('freed')
  local flying, limit = redis.call('ZCARD', segment_leases), window()
  while flying < limit and next < planned do
    local spec = spec_at(next)
    if spec.part >= freed + parts_ahead() then break end
    set('chapter_now', spec.chapter)
    if redis.call('HGET', steps, 'segment:' .. next) == 'w' then
      dispatch('segment:' .. next, wishes)
      flying = flying + 1
    end
    next = next + 1
  end
  set('next', next)
end

local function send_parts(wishes)
  local freed = number('freed')
  for m = freed, math.min(freed + parts_ahead(), number('parts_total')) - 1 do
    local part = known_part(m)
    if part.closed and part.left == 0 and not state_of('part:' .. m) then dispatch('part:' .. m, wishes) end
  end
end

-- Ends a job by this event. Failed ones keep all they have: `retry`, or the same command again, goes on from there.
local function finish(event)
  local state = enter(event)
  set('finished_ms', now)
  if state == 'failed' then return end
  redis.call('DEL', source, cover, specs, owners, attempts, sends, segment_leases, desk_leases, parts, readers)
  if state == 'cancelled' then redis.call('DEL', steps, entries) end
end

-- Ends a job before its audio is complete: `fail`, or `cancelled`.
local function stop(event, reason)
  if event == 'cancelled' then
    redis.call('DEL', stream)
    set('frames_held', 0)
  end
  set('error', reason)
  set('end_id', tell('failure', WHOLE_JOB, reason))
  finish(event)
end

local function settle(wishes)
  local total = number('chapters_total')
  if total == 0 or number('chapters_planned') < total then return end
  if number('segments_done') + number('segments_failed') < number('segments_planned') then return end
  if not get('end_id') then set('end_id', tell('end', number('segments_planned'))) end
  if wishes.format == '' then
    finish('complete')
  elseif number('parts_done') == number('parts_total') and not state_of('bind') then
    dispatch('bind', wishes)
  end
end

-- A chapter is finished when its segments and those of all chapters before it are over: all chapters before the one whose
-- part is the first that still misses a segment, or may still get one.
local function count_chapters()
  local m = number('parts_over')
  local part = part_at(m)
  while part and part.closed and part.left == 0 do
    m = m + 1
    part = part_at(m)
  end
  set('parts_over', m)
  set('chapters_done', part and part.chapter or number('chapters_planned'))
end

-- Everything a change may have made possible. Called at the end of each script; finds nothing new if there is none.
local function proceed()
  count_chapters()
  if get('state') ~= 'running' then return end
  local wishes = request()
  plan_ahead(wishes)
  if slots() > 0 and not farm.memory_tight then
    pin_voice()
    send_segments(wishes)
  end
  if wishes.format ~= '' then send_parts(wishes) end
  settle(wishes)
end

-- Gives back the stream entries of a part's segments, by the ids their commits recorded.
local function free(m, part)
  for n = part.first, part.last do
    local ids = redis.call('HGET', entries, n)
    local step = 'segment:' .. n
    if redis.call('HGET', steps, step) ~= 'f' then
      if ids then for id in string.gmatch(ids, '%S+') do redis.call('XDEL', stream, id) end end
      redis.call('HDEL', entries, n)
      redis.call('HDEL', specs, n, 'timings:' .. n)
      redis.call('HDEL', steps, step)
      redis.call('HDEL', attempts, step)
    end
  end
  add('frames_held', -(part.held or 0))
  part.held = 0
  keep_part(m, part)
end

local function segment_over(n, state, frames)
  local step = 'segment:' .. n
  local spec = spec_at(n)
  redis.call('HSET', steps, step, state)
  drop_lease(step)
  local part = known_part(spec.part)
  part.left = part.left - 1
  part.held = (part.held or 0) + frames
  keep_part(spec.part, part)
  add('frames_held', frames)
  return spec
end

local function answer(status, extra)
  local state = get('state')
  if state then
    local life_s = (state == 'done' or state == 'cancelled') and FINISHED_S or UNFINISHED_S
    for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, life_s) end
  end
  return { status, get('sound') or '', get('store') or '', hints, extra or {} }
end

local function newer(what, version) return { 'newer', '', '', {}, { what, version } } end

if number('version') > RECORD_VERSION then return newer('record', get('version')) end
if not TRANSITIONS[get('state') or ''] and redis.call('EXISTS', record) == 1 then
  return redis.error_reply('UNREADABLE its record has no state that Chorus knows')
end
