"""TURN servers for clients whose network blocks UDP: `Link` headers with passwords that last a while."""

from __future__ import annotations

import base64
import hashlib
import hmac

from config.settings import MediaSettings


def turn_links(settings: MediaSettings, name: str, now: float) -> list[str]:
    """Values of `Link` headers. The user name carries the end of its time, as coturn's use-auth-secret wants it."""
    if not settings.turn_urls or settings.turn_secret is None:
        return []
    user = f"{int(now + settings.turn_password_seconds)}:{name}"
    digest = hmac.new(settings.turn_secret.get_secret_value().encode(), user.encode(), hashlib.sha1).digest()
    password = base64.b64encode(digest).decode()
    login = f'; username="{user}"; credential="{password}"; credential-type="password"'
    return [f'<{url}>; rel="ice-server"{"" if url.startswith("stun") else login}' for url in settings.turn_urls]
