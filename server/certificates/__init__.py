"""Papers that say what somebody has learned."""
