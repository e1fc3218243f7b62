-- For how long each of KEYS is parked still, in milliseconds; 0 for what is not.
local left = {}
for i, key in ipairs(KEYS) do
    left[i] = math.max(redis.call('PTTL', key), 0)
end
return left
