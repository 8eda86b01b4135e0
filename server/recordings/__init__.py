"""Assets: what becomes watchable out of takes and uploads."""
