"""People who sign in: viewers, hosts, operators."""
