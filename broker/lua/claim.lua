-- One attempt takes a step. The attempt is counted here, before native code runs.
-- ARGV 3 step, 4 token, 5 the worker's samples, 6 its graph (chorus/records.py).
-- Reads record, steps, specs; writes record, steps, owners, attempts, sends, segment_leases, desk_leases.
-- Status: ok | busy | done | gone | unlike | newer. Extra of ok: attempt, epoch, spec JSON, request JSON, model, fresh.
-- The same token claiming again gets the same ok, uncounted: a resent command is harmless.

local step, token = ARGV[3], ARGV[4]

local function repeatable()
  -- A request may hold a large lexicon: it is read only where it may say so.
  return string.find(get('request') or '', '"repeatable":true', 1, true) and request().repeatable == true
end

local function granted(attempt)
  local n = segment_of(step)
  local spec = n and redis.call('HGET', specs, n) or ''
  return answer('ok', { attempt, number('epoch'), spec or '', get('request'), get('model') or '', get('fresh') or '' })
end

if get('state') ~= 'running' then return answer('gone') end
local state = state_of(step)
if not state then return answer('gone') end
if state == 'd' or state == 'f' then return answer('done') end
local segment = segment_of(step)
local version = segment and (tonumber(spec_at(segment).version or 1) or refuse('its segment ' .. segment .. ' has no version'))
if version and version > SPEC_VERSION then return newer('segment', tostring(version)) end
if state == 'r' and tonumber(redis.call('ZSCORE', leases_of(step), step) or 0) > now then
  if redis.call('HGET', owners, step) ~= token then return answer('busy') end
  return granted(tonumber(redis.call('HGET', attempts, step)))
end
-- A job that is to be repeatable is spoken by workers of the same samples; its first segment decides by which.
if segment_of(step) and repeatable() then
  local samples, chosen = ARGV[5] or '', get('samples')
  if samples == '' or (chosen and chosen ~= samples) then
    set('unlike', 1)
    return answer('unlike')
  end
  if not chosen then
    set('samples', samples)
    set('variant', ARGV[6]) -- what the job wrote down when it began may have been exchanged since
  end
  redis.call('HDEL', record, 'unlike')
end
local attempt = redis.call('HINCRBY', attempts, step, 1)
redis.call('HSET', steps, step, 'r')
redis.call('HSET', owners, step, token)
redis.call('HDEL', sends, step)
redis.call('ZADD', leases_of(step), now + lease_ms, step)
return granted(attempt)
