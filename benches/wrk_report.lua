-- Has wrk print its figures as one JSON line.
done = function(summary, latency)
    io.write(string.format(
        '\n{"requests": %d, "seconds": %.6f, "p95_us": %d, "p99_us": %d,'
            .. ' "connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
        summary.requests, summary.duration / 1e6,
        latency:percentile(95), latency:percentile(99),
        summary.errors.connect, summary.errors.read, summary.errors.write,
        summary.errors.status, summary.errors.timeout))
end
