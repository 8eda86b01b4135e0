"""The media node: WHIP in, WHEP out, packets forwarded and recorded without decoding them."""
