"""What every room may use: errors, typed records, settings, statistics, the process environment."""
