-- wrk ... -s wrk.lua URL -- [POST]: asks with GET, or POSTs a user, and prints one line:
-- requests, seconds, p50 and p99 in µs, failed requests, timed out requests.
function init(args)
   if args[1] == "POST" then
      wrk.method = "POST"
      wrk.headers["Content-Type"] = "application/json"
      wrk.body = os.getenv("BODY")
   end
end

function done(summary, latency)
   local e = summary.errors
   print(string.format("result %d %.6f %.0f %.0f %d %d", summary.requests, summary.duration / 1e6,
      latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status, e.timeout))
end
