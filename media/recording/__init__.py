"""Recording without re-encoding: RTP packets in, fMP4 parts on disk and in the object store out."""
