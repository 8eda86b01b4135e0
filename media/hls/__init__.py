"""HLS as text: playlists over recorded parts."""
