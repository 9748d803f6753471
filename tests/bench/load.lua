-- What wrk sends: KEY KIND PREFIX SIZE KNOWN, after `--`. KIND is predictions or feedback, SIZE the items of a request
-- (1: no batch), KNOWN how many predictions feedback can be about. Each event has an id of its own, rising as UUIDv7 do.
local threads = 0
local format, concat = string.format, table.concat

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  kind, prefix, size, known = args[2], args[3], tonumber(args[4]), tonumber(args[5])
  wrk.method, wrk.path = "POST", "/v1/" .. kind
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  wrk.headers["Content-Type"] = "application/json"
  count = 0
end

local function event()
  count = count + 1
  local id = format("%s-7%03x-8000-%012x", prefix, number, count)
  if kind == "feedback" then
    return format('{"id":"%s","model_id":"bench","prediction_id":"known-%d","feedback_type":"rating","rating":%d}',
      id, count % known, count % 4 == 0 and -1 or 1)
  end
  return format('{"id":"%s","model_id":"bench","label":"label-%d","confidence":0.%04d,"latency_ms":%d.%d}',
    id, count % 10, 1000 + count * 37 % 9000, 5 + count % 40, count % 10)
end

function request()
  if size == 1 then return wrk.format(nil, nil, nil, event()) end
  local items = {}
  for n = 1, size do items[n] = event() end
  return wrk.format(nil, nil, nil, '{"items":[' .. concat(items, ",") .. "]}")
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(format('RESULT {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
