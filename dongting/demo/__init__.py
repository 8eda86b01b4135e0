"""The demo: what a newcomer sees without a camera. `seed` fills the platform, `host` is live by itself."""
