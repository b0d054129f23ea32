# What puma serves: a little computation, a small answer.
run lambda { |_env|
  body = (1..20).map { |number| (number * number).to_s }.join(",")
  [200, { "Content-Type" => "text/plain", "Content-Length" => body.bytesize.to_s }, [body]]
}
