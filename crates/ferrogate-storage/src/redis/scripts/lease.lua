-- Leases part of a window: KEYS[1] the window, a hash of what was taken in all (`taken`) and of each open lease.
-- ARGV: the lease, the limit, what is known to be spent, what is wanted, the least that is of use, when the window
-- can be forgotten (milliseconds since 1970; 0 for never). Returns what is granted and what is left.
local had = redis.call('HGET', KEYS[1], ARGV[1])
local taken = tonumber(redis.call('HGET', KEYS[1], 'taken') or '0')
local limit = tonumber(ARGV[2])
-- Redis may have lost what was taken, history has not.
local spent = tonumber(ARGV[3])
if spent > taken then
    taken = spent
end
if had then
    return { tonumber(had), math.max(limit - taken, 0) }
end
local left = limit - taken
local granted = math.min(tonumber(ARGV[4]), left)
if granted < tonumber(ARGV[5]) or granted <= 0 then
    return { 0, math.max(left, 0) }
end
redis.call('HSET', KEYS[1], 'taken', string.format('%.0f', taken + granted), ARGV[1], string.format('%.0f', granted))
if ARGV[6] == '0' then
    redis.call('PERSIST', KEYS[1])
else
    redis.call('PEXPIREAT', KEYS[1], ARGV[6])
end
return { granted, left - granted }
