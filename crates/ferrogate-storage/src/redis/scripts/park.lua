-- Parks something: KEYS[1] its name, ARGV[1] for how long, in milliseconds. What is parked for longer stays so.
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
    redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
end
return 1
