-- Does what one job needs now: applies what its owner asked, begins it, sends expired steps again, opens the window.
-- The intake calls it when a job is named on the inbox, the reaper for every active job twice a second. Any number of
-- calls, at any time, do no harm.
-- ARGV 3: the sound and store of a job that chose none, as JSON {sound, store}.
-- ARGV 4: 1 if expired leases may be taken; 0 while this reaper may itself have been asleep.
-- Reads and writes all keys. Status: the job's state, or "vanished". Extra: in how many ms the next lease or hint is over;
-- nothing if none is running out.

local pins = cjson.decode(ARGV[3])
local UNHEARD_MS = 60000

local function resume()
  local wishes = request()
  for _, leases in ipairs({ segment_leases, desk_leases }) do
    for _, step in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
      if state_of(step) == 's' then dispatch(step, wishes) end
    end
  end
end

local function reopen_segment(n)
  local spec = spec_at(n)
  local part = known_part(spec.part)
  redis.call('XDEL', stream, redis.call('HGET', entries, n) or '0-1')
  redis.call('HDEL', entries, n)
  redis.call('HDEL', attempts, 'segment:' .. n, 'fail:segment:' .. n)
  part.left = part.left + 1
  keep_part(spec.part, part)
  add('segments_failed', -1)
  if redis.call('HDEL', steps, 'part:' .. spec.part) == 1 then add('parts_done', -1) end
  set('freed', math.min(number('freed'), spec.part))
  set('parts_over', math.min(number('parts_over'), spec.part))
end

local function retry(want)
  enter(want) -- first: its condition counts the segments that are opened again here
  local wishes = request()
  resume()
  local all = redis.call('HGETALL', steps)
  for i = 1, #all, 2 do
    local step, state, n = all[i], all[i + 1], segment_of(all[i])
    if state == 'f' and n then
      reopen_segment(n)
      dispatch(step, wishes)
    elseif state == 'f' then
      redis.call('HDEL', steps, step)
      redis.call('HDEL', attempts, step, 'fail:' .. step)
    end
  end
  redis.call('HDEL', steps, 'bind')
  redis.call('XDEL', stream, get('end_id') or '0-1')
  redis.call('HDEL', record, 'end_id', 'error', 'result', 'finished_ms', 'bound_frames', 'bind_started_ms')
end

local function restart()
  enter('fresh')
  redis.call('DEL', steps, specs, owners, attempts, sends, segment_leases, desk_leases, stream, entries, parts, chapters, readers)
  for _, field in ipairs({
    'started_ms', 'finished_ms', 'chapters_total', 'chapters_planned', 'chapter_now', 'segments_planned',
    'segments_done', 'segments_failed', 'parts_total', 'parts_done', 'part_frames', 'frames', 'frames_held',
    'audio_wall_ms', 'segments_cached', 'frames_cached', 'g2p_us', 'characters', 'characters_total', 'first_chunk_ms',
    'first_audio_ms', 'first_audio_from', 'document', 'error', 'result', 'waiting', 'end_id', 'next', 'freed',
    'listened_ms', 'unheard', 'active_ms', 'running_since_ms', 'parts_over', 'chapters_done',
    'bound_frames', 'bind_started_ms', 'samples', 'unlike',
  }) do redis.call('HDEL', record, field) end
  add('epoch', 1)
  set('fresh', 1)
  set('asked_ms', now)
end

-- Does what the job's owner asks, where the table of transitions allows it.
local function apply_wish(want)
  local state, to = get('state'), target(want)
  if want == 'fresh' then
    restart()
  elseif not to or to == state then
    return
  elseif to == 'cancelled' then
    stop(want, 'cancelled')
  elseif to == 'paused' then
    enter(want)
    redis.call('HDEL', record, 'waiting')
  elseif state == 'paused' then
    enter(want)
    redis.call('HDEL', record, 'unheard')
    set('listened_ms', now)
    resume()
  else
    retry(want)
  end
end

local function pin(field, value)
  if (get(field) or '') == '' and (value or '') ~= '' then set(field, value) end
end

local function begin()
  if (get('sound') or '') == '' then
    set('waiting', 'no voice worker is registered')
  elseif request().format ~= '' and (get('store') or '') == '' then
    set('waiting', 'no desk worker with a store is registered')
  else
    enter('begin')
    set('started_ms', now)
  end
end

-- A server that evicts keys may have taken some of a job's and left the others.
local function check_whole()
  if number('segments_planned') > 0 and redis.call('EXISTS', steps, parts, chapters) < 3 then
    refuse('some of its keys are gone, as on a server that evicts')
  end
end

local function reap()
  local wishes = request()
  for _, leases in ipairs({ segment_leases, desk_leases }) do
    for _, step in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now)) do
      local state = state_of(step)
      if state == 's' then
        dispatch(step, wishes)
      elseif state ~= 'r' then
        redis.call('ZREM', leases, step) -- nothing runs under this name
      elseif ARGV[4] == '1' then
        drop_lease(step)
        dispatch(step, wishes)
      end
    end
  end
end

-- What is sent or running has a lease. Where no lease is left at all, a server that evicts keys took them.
local function find_lost()
  if slots() == 0 or redis.call('EXISTS', segment_leases, desk_leases) > 0 then return end
  local wishes, all = request(), redis.call('HGETALL', steps)
  for i = 1, #all, 2 do
    if all[i + 1] == 's' or all[i + 1] == 'r' then dispatch(all[i], wishes) end
  end
end

-- The segment that the slowest of the current listeners waits for; nil: nobody listens.
local function slowest_listener()
  local slowest
  local all = redis.call('HGETALL', readers)
  for i = 1, #all, 2 do
    local good, cursor = pcall(cjson.decode, all[i + 1])
    local known = good and type(cursor) == 'table'
    local segment, deadline_ms = known and tonumber(cursor.segment), known and tonumber(cursor.deadline_ms)
    if not segment or not deadline_ms or deadline_ms < now then
      redis.call('HDEL', readers, all[i])
    else
      slowest = math.min(slowest or segment, segment)
    end
  end
  return slowest
end

-- A job without a file is spoken for its listeners: after a minute without any it pauses until one is there again.
local function follow_listeners(slowest)
  if slowest then
    set('listened_ms', now)
    if enter('heard') then
      redis.call('HDEL', record, 'unheard')
      resume()
    end
  elseif get('state') == 'running' and now - math.max(number('listened_ms'), number('started_ms')) > UNHEARD_MS then
    enter('unheard')
    set('unheard', 1)
    set('waiting', 'nobody has listened for a minute: it goes on when somebody does')
  end
end

-- A live job's audio is given back behind its slowest current listener, but its last parts stay for latecomers.
local function free_what_was_heard(slowest)
  local freed, total = number('freed'), number('parts_total')
  while slowest and total - freed > 2 do
    local part = known_part(freed)
    if not part.closed or part.left > 0 or part.last >= slowest then break end
    free(freed, part)
    freed = freed + 1
  end
  set('freed', freed)
end

-- When to look again: a lease that ends between two ticks need not wait for the second.
local function due_ms()
  local first
  for _, leases in ipairs({ segment_leases, desk_leases }) do
    local score = tonumber(redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')[2])
    if score then first = math.min(first or score, score) end
  end
  return first and { tostring(math.min(LAST_RESEND_MS, math.max(0, math.ceil(first - now)))) } or {}
end

if not get('state') then return { 'vanished', '', '', {}, {} } end
local want = get('want')
redis.call('HDEL', record, 'want')
if want and want ~= '' then apply_wish(want, get('state')) end
pin('sound', pins.sound)
pin('store', pins.store)
pin_voice()
if get('state') == 'queued' then begin() end
if request().format == '' and (get('state') == 'running' or get('unheard')) then
  local slowest = slowest_listener()
  follow_listeners(slowest)
  free_what_was_heard(slowest)
end
if get('state') == 'running' then
  check_whole()
  reap()
  find_lost()
  if farm.memory_tight then
    set('waiting', 'the server has used 70 % of its memory: finish or cancel jobs, or raise its maxmemory')
  elseif slots() > 0 and get('unlike') then
    set('waiting', get('samples') and 'it is to be repeatable, and no voice worker speaks the samples it began with: --fresh begins anew'
      or 'it is to be repeatable, and the voice here is still being prepared, or speaks a little differently each time')
  elseif slots() > 0 then
    redis.call('HDEL', record, 'waiting')
  else
    set('waiting', 'no voice worker is here yet that speaks with ' .. (get('model') or 'the chosen model') .. ' (sound ' .. get('sound') .. ')')
  end
  proceed()
end
return answer(get('state'), get('state') == 'running' and due_ms() or {})
