"""How datagrams reach a peer: one port for UDP and TCP, ICE-lite, announced addresses."""
