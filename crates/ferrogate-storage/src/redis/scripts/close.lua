-- Closes a lease and gives back what is left of it: KEYS[1] the window; ARGV: the lease, what is left. Returns what was
-- given back: nothing for a lease that is not open, so that it may be asked for again.
local had = redis.call('HGET', KEYS[1], ARGV[1])
if not had then
    return 0
end
local back = math.max(math.min(tonumber(ARGV[2]), tonumber(had)), 0)
local taken = tonumber(redis.call('HGET', KEYS[1], 'taken') or '0')
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], 'taken', string.format('%.0f', math.max(taken - back, 0)))
return back
