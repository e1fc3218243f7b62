-- Decides claims of windows, in their order. KEYS: each claim's window, a hash of what all nodes were granted (`all`)
-- and of what each was (`mine:NODE`) with the version of its last claim (`version:NODE`). ARGV, for each claim: the
-- node, its version, all that it wants, the limit, when the window can be forgotten (milliseconds since 1970; 0 for
-- never). Returns for each claim what the node has, what the others have, and the version that counts.
local A_DAY = 86400000
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function write(number)
    return string.format('%.0f', number)
end
local answers = {}
for i, key in ipairs(KEYS) do
    local at = i * 5 - 5
    local node = ARGV[at + 1]
    local version, total, limit = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    local window = redis.call('HMGET', key, 'all', 'mine:' .. node, 'version:' .. node)
    local mine = tonumber(window[2] or '0')
    local elsewhere = tonumber(window[1] or '0') - mine
    local counted = tonumber(window[3] or '0')
    -- The rule is that of `Granted::decide`, line by line.
    if version > counted then
        if total <= mine then
            mine = math.max(total, 0)
        else
            mine = math.max(mine, math.min(total, limit - elsewhere))
        end
        counted = version
        redis.call('HSET', key, 'all', write(elsewhere + mine), 'mine:' .. node, write(mine),
            'version:' .. node, write(version))
        if ARGV[at + 5] == '0' then
            redis.call('PERSIST', key)
        else
            -- A clock of ours that is ahead must not make us forget at once what was just granted.
            redis.call('PEXPIRE', key, write(math.max(ARGV[at + 5] - now, A_DAY)))
        end
    end
    answers[#answers + 1] = mine
    answers[#answers + 1] = elsewhere
    answers[#answers + 1] = counted
end
return answers
