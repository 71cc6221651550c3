-- Paces wrk, which otherwise asks as fast as it can: every connection asks for the next path, and rests after its answer.
-- Arguments: connections, milliseconds of rest, paths ... One thread, whose connections begin evenly spread.

local paths, started, asked = {}, 0, 0

function init(args)
  connections, rest_ms = tonumber(args[1]), tonumber(args[2])
  for i = 3, #args do paths[i - 2] = args[i] end
end

function delay()
  started = started + 1
  return started <= connections and math.floor(rest_ms * started / connections) or rest_ms
end

function request()
  asked = asked + 1
  return wrk.format("GET", paths[(asked - 1) % #paths + 1])
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "failed": %d, "p50": %.3f, "p90": %.3f, "p99": %.3f}\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(90) / 1e3, latency:percentile(99) / 1e3))
end
