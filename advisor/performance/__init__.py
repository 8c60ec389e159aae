"""What a configuration can do: memory fit, speed, latency and capacity. Knows no money."""
