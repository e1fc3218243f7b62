-- Takes from several buckets, or from none: KEYS the buckets, hashes of when each is empty (`arrival`) and of all that
-- was given back to it (`refunded`), in microseconds. ARGV: for each what it costs and how much it holds, in
-- microseconds. Returns 1, the time, and arrival and refunded of each; or 0, the time, and number and arrival of the
-- first that has not enough.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local taken = { 1, now }
local arrivals = {}
for i, key in ipairs(KEYS) do
    local bucket = redis.call('HMGET', key, 'arrival', 'refunded')
    -- One that is named twice is taken from twice.
    local empty = math.max(arrivals[key] or tonumber(bucket[1] or '0'), now)
    local arrival = empty + ARGV[i * 2 - 1]
    if arrival - now > tonumber(ARGV[i * 2]) then
        return { 0, now, i, empty }
    end
    arrivals[key] = arrival
    taken[#taken + 1] = arrival
    taken[#taken + 1] = tonumber(bucket[2] or '0')
end
for i, key in ipairs(KEYS) do
    redis.call('HSET', key, 'arrival', string.format('%.0f', arrivals[key]))
    -- For as long as a refund of this taking could be worth anything: what was given back is forgotten with the rest.
    redis.call('PEXPIRE', key, math.max(math.ceil(ARGV[i * 2] / 1000) + 1000, redis.call('PTTL', key)))
end
return taken
