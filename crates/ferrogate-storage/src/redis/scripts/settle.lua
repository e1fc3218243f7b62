-- Makes of what was taken what was used: KEYS[1] a bucket as `take.lua` has it. ARGV: how much more was used or, below
-- zero, how much less (microseconds), and arrival and refunded as the taking returned them. Returns what the bucket's
-- level changed by.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local bucket = redis.call('HMGET', KEYS[1], 'arrival', 'refunded')
local arrival = tonumber(bucket[1] or '0')
local refunded = tonumber(bucket[2] or '0')
local more = tonumber(ARGV[1])
if more >= 0 then
    arrival = math.max(arrival, now) + more
    redis.call('HSET', KEYS[1], 'arrival', string.format('%.0f', arrival))
    redis.call('PEXPIRE', KEYS[1], math.max(math.ceil((arrival - now) / 1000), redis.call('PTTL', KEYS[1])) + 1000)
    return more
end
-- A taking is worth what of it has not leaked away, less what was given back since.
local worth = math.min(-more, ARGV[2] - (refunded - ARGV[3]) - now)
if not bucket[1] or worth <= 0 then
    return 0
end
redis.call('HSET', KEYS[1], 'arrival', string.format('%.0f', arrival - worth),
    'refunded', string.format('%.0f', refunded + worth))
return -worth
