"""What every process is built from: settings, logs, tasks, clock, and the clients that media and server share."""
