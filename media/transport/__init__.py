"""How datagrams reach a peer: one UDP port, ICE-lite, announced addresses."""
