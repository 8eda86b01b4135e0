"""What the relay's benchmark is made of: load and limit in C, peers that join over WHIP and WHEP, the figures."""
