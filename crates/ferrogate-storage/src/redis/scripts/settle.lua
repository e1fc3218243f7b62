-- Makes of what was taken what was used: KEYS buckets as `take.lua` has them. ARGV: for each how much more was used or,
-- below zero, how much less (microseconds), and arrival and refunded as the taking returned them. Returns what the
-- levels changed by.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local changes = {}
for i, key in ipairs(KEYS) do
    local bucket = redis.call('HMGET', key, 'arrival', 'refunded')
    local arrival = tonumber(bucket[1] or '0')
    local refunded = tonumber(bucket[2] or '0')
    local more = tonumber(ARGV[i * 3 - 2])
    changes[i] = 0
    if more >= 0 then
        arrival = math.max(arrival, now) + more
        redis.call('HSET', key, 'arrival', string.format('%.0f', arrival))
        redis.call('PEXPIRE', key, math.max(math.ceil((arrival - now) / 1000) + 1000, redis.call('PTTL', key)))
        changes[i] = more
    else
        -- A taking is worth what of it has not leaked away, less what was given back since. A bucket that has given
        -- back less than it had then is another one: the one of this taking is empty and forgotten.
        local since = refunded - ARGV[i * 3]
        local worth = math.min(-more, ARGV[i * 3 - 1] - since - now)
        if bucket[1] and since >= 0 and worth > 0 then
            redis.call('HSET', key, 'arrival', string.format('%.0f', arrival - worth),
                'refunded', string.format('%.0f', refunded + worth))
            changes[i] = -worth
        end
    end
end
return changes
