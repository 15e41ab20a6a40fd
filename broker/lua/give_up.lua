-- A script met something in this job's keys that no release can have written. The job fails with the reason, if its
-- record is whole enough for that, and keeps all it has; otherwise `waiting` has the reason.
-- ARGV 3: the reason, a sentence.
-- Writes record, stream. Status: the job's state, or "vanished".

if not get('state') then return { 'vanished', '', '', {}, {} } end
local good, state = pcall(enter, 'fail')
if good and state then
  set('error', ARGV[3])
  set('finished_ms', now)
  local told, id = pcall(tell, 'failure', WHOLE_JOB, ARGV[3])
  if told then set('end_id', id) end
else
  set('waiting', ARGV[3])
end
return answer(get('state'))
