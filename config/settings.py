"""Typed settings of every process, read from the environment; every problem is listed at once.

Names are the environment's names in capitals (`mongodb_uri` is `MONGODB_URI`); units are part of the name.
No secret has a default: `dongting up` makes them once for one machine, an operator sets them elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config.keys import private_key_pem, public_key_pem

# A media process that leaves waits so long for its hosts to be back elsewhere, or their streams end.
HAND_OVER_SECONDS = 10.0


class SettingsError(Exception):
    """The environment does not describe a process that can run; the text lists every problem."""


class SharedSettings(BaseSettings):
    """What server, media and workers have in common."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    # redis://[:password@]host:port/db: events between processes, the job queue, Socket.IO between servers.
    redis_url: str
    # host:port of an S3 server, without a scheme.
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: SecretStr
    s3_bucket: str = "dongting"
    # True: speak TLS to the S3 server.
    s3_secure: bool = False
    # Threads that talk to S3 in one process; more carry more uploads and downloads at once, each holds ~8 MiB.
    s3_threads: int = Field(8, ge=1, le=64)
    # How long one call to S3 may take before it counts as failed.
    s3_timeout_seconds: float = Field(20.0, gt=0)
    # Signs what processes of one installation tell each other (server <-> media); 32 characters or more.
    internal_secret: SecretStr = Field(min_length=32)
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    # How long a process may take to stop before it gives up on what is still open.
    shutdown_seconds: float = Field(10.0, gt=0)


WECHAT_SETTINGS = (
    "wechat_app_id",
    "wechat_merchant_id",
    "wechat_certificate_serial",
    "wechat_private_key",
    "wechat_api_v3_key",
    "wechat_public_key",
    "wechat_public_key_id",
)
ALIPAY_SETTINGS = ("alipay_app_id", "alipay_seller_id", "alipay_private_key", "alipay_public_key")


class ServerSettings(SharedSettings):
    """The web server: pages, API, Socket.IO."""

    mongodb_uri: str
    mongodb_database: str = "dongting"
    # How long a database call may wait for a server before it fails; raising it makes outages look like hangs.
    mongodb_timeout_seconds: float = Field(5.0, gt=0)
    server_host: str = "0.0.0.0"  # noqa: S104 -- a server is meant to be reached
    server_port: int = Field(8080, ge=0, le=65535)
    # The address in the browser's bar, e.g. https://live.example.cn; empty: whatever the request names.
    # With https it makes cookies Secure, so set it wherever TLS is in front.
    public_url: str = ""
    # Where browsers reach the media node, e.g. https://live.example.cn/media; empty: this host, MEDIA_HTTP_PORT.
    media_public_url: str = ""
    media_http_port: int = Field(8081, ge=0, le=65535)
    # Folder of the built page.
    web_folder: str = "web/dist"
    # Proxies in front whose X-Forwarded-For is believed (how many hops); 0: none.
    trusted_proxy_hops: int = Field(0, ge=0, le=4)
    session_days: int = Field(30, ge=1, le=365)
    # WeChat Pay, if all of these are set (with PUBLIC_URL): the id of the app that the merchant id is bound to.
    wechat_app_id: str = ""
    # The merchant id (商户号).
    wechat_merchant_id: str = ""
    # The serial number of the merchant's API certificate (商户API证书).
    wechat_certificate_serial: str = ""
    # The private key of that certificate: PEM, or what stands between its lines in one line.
    wechat_private_key: SecretStr | None = None
    # The APIv3 key, 32 characters: with it WeChat encrypts what it calls back.
    wechat_api_v3_key: SecretStr | None = Field(None, min_length=32, max_length=32)
    # WeChat Pay's own public key (微信支付公钥), with which its answers and callbacks are checked.
    wechat_public_key: str = ""
    # The id of that key, PUB_KEY_ID_….
    wechat_public_key_id: str = ""
    # Where WeChat Pay's API is; its other address is https://api2.mch.weixin.qq.com.
    wechat_gateway_url: str = Field("https://api.mch.weixin.qq.com", pattern=r"^https?://[^/?#]+$")
    # Alipay, if all of these are set (with PUBLIC_URL): the app's id.
    alipay_app_id: str = ""
    # The seller's account number (PID), 2088….
    alipay_seller_id: str = ""
    # The app's private key (应用私钥): PEM, or what stands between its lines in one line.
    alipay_private_key: SecretStr | None = None
    # Alipay's own public key (支付宝公钥, not 应用公钥), with which its answers and callbacks are checked.
    alipay_public_key: str = ""
    # Where Alipay's API is; that of its sandbox is https://openapi-sandbox.dl.alipaydev.com/gateway.do.
    alipay_gateway_url: str = Field("https://openapi.alipay.com/gateway.do", pattern=r"^https?://[^?#]+$")
    # How long one call to a payment provider may take; buyers wait for it.
    payment_timeout_seconds: float = Field(8.0, gt=0, le=20)
    # True: one can pay with the built-in sandbox, in which nobody pays real money.
    payment_sandbox: bool = False
    # Signs what the sandbox provider sends back; needed only with PAYMENT_SANDBOX.
    payment_sandbox_secret: SecretStr | None = Field(None, min_length=32)
    # Largest body of an API call.
    body_limit_bytes: int = Field(1_000_000, ge=10_000)
    # Folder for what hosts' browsers recorded themselves, until the object store has it.
    upload_folder: str = "var/uploads"
    # Largest video that may be uploaded.
    upload_limit_bytes: int = Field(2_000_000_000, ge=1_000_000)
    # What all videos that are on their way in may take of the object store together; more are asked to come later.
    uploads_total_bytes: int = Field(100_000_000_000, ge=1_000_000)
    # Videos that one teacher may have on their way in.
    uploads_per_teacher: int = Field(3, ge=1, le=50)
    # An upload with which nobody goes on is dropped after this; longer keeps more of what will never be finished.
    upload_idle_hours: float = Field(72.0, gt=0)
    # A job whose worker has not reported for this long is given to another.
    job_lease_seconds: float = Field(30.0, ge=1)
    # How often lost jobs are looked for and sent again.
    job_sweep_seconds: float = Field(15.0, gt=0)
    # How often holds past their time are given back; lower gives stock back sooner and asks MongoDB more often.
    sweep_interval_seconds: float = Field(1.0, gt=0)
    # A parcel of which its buyer says nothing counts as received so long after it was sent; raising it keeps orders
    # open longer.
    receive_after_days: float = Field(10.0, gt=0)
    # What people of one address may say or do in rooms (messages, votes), over all servers; raise it where many share
    # one, as behind a mobile carrier. This machine's own (a proxy's, without TRUSTED_PROXY_HOPS) is not counted.
    acts_per_address: str = Field("200/10second", pattern=r"^\d+/\d*(second|minute|hour)$")
    # Rooms' connections (Socket.IO) that one address may have open at one server; more hear 429. Each costs 40 kB, so
    # raise it where thousands share one, as behind a mobile carrier. This machine's own is not counted, as above.
    connections_per_address: int = Field(1000, ge=1)
    # A stream that was announced but never connected is closed after this long.
    stream_start_timeout_seconds: float = Field(45.0, gt=0)

    @field_validator("wechat_private_key", "alipay_private_key")
    @classmethod
    def _private_key(cls, value: SecretStr | None) -> SecretStr | None:
        return value and SecretStr(private_key_pem(value.get_secret_value()))

    @field_validator("wechat_public_key", "alipay_public_key")
    @classmethod
    def _public_key(cls, value: str) -> str:
        return value and public_key_pem(value)

    @model_validator(mode="after")
    def _ways_to_pay_are_whole(self) -> Self:
        if self.payment_sandbox and self.payment_sandbox_secret is None:
            raise ValueError("PAYMENT_SANDBOX needs PAYMENT_SANDBOX_SECRET, 32 characters or more")
        for names in (WECHAT_SETTINGS, ALIPAY_SETTINGS):
            missing = [name.upper() for name in names if not getattr(self, name)]
            given = [name.upper() for name in names if getattr(self, name)]
            if given and not self.public_url:
                missing.append("PUBLIC_URL")
            if given and missing:
                raise ValueError(f"{given[0]} is set, so these are needed too: {', '.join(missing)}")
        return self


class WorkerSettings(ServerSettings):
    """A worker that turns recordings into the library; it builds the server's services, so it has their settings."""

    # Jobs that one worker does at once; each holds its source and renditions on disk and ~300 MB of memory.
    worker_jobs: int = Field(1, ge=1, le=32)
    # Memory that one job may take before it is ended; a stranger's 8K video needs more and fails.
    job_memory_bytes: int = Field(4_000_000_000, ge=500_000_000)
    # Threads with which one job decodes and encodes; jobs times threads should not pass the machine's cores.
    transcode_threads: int = Field(2, ge=1, le=64)
    # A video is cut into chunks of about this length, which any number of workers encode at once. Shorter: more
    # machines help with one video and a dead one costs less; longer: less is spent on beginning.
    chunk_seconds: float = Field(30.0, ge=1, le=600)
    # Folder for sources and renditions while they are made.
    worker_folder: str = "var/work"
    worker_metrics_port: int = Field(8082, ge=0, le=65535)


class MediaSettings(SharedSettings):
    """A media node: WHIP in, WHEP out, recording."""

    # This node's name; every node of an installation has its own. It is part of session ids.
    node_id: str = Field("media-1", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    # Media processes that `dongting up` starts on this machine, media-1, media-2 and so on; one for each core that
    # video may have. They share MEDIA_HTTP_PORT; their UDP ports follow MEDIA_UDP_PORT.
    media_processes: int = Field(1, ge=1, le=64)
    # This node's own HTTP port when several nodes of a machine share MEDIA_HTTP_PORT; empty: that one is its own.
    media_internal_port: int | None = Field(None, ge=0, le=65535)
    # Where other nodes reach this one's HTTP, e.g. http://10.0.0.7:8081; empty: this machine's first address.
    # Media between nodes goes to the same host, to MEDIA_UDP_PORT.
    media_internal_url: str = ""
    # Where clients reach this very node, e.g. https://media-2.example.cn; set, a full node sends clients there (307).
    media_node_url: str = ""
    # How long a node that is asked to stop lets its sessions move to others before it ends them; 0: at once.
    drain_seconds: float = Field(0.0, ge=0)
    media_host: str = "0.0.0.0"  # noqa: S104 -- a server is meant to be reached
    media_http_port: int = Field(8081, ge=0, le=65535)
    # The one port for all WebRTC traffic of this node: UDP, and TCP of the same number where UDP is blocked.
    media_udp_port: int = Field(8189, ge=0, le=65535)
    # Addresses told to browsers as ICE candidates, separated by commas; empty: those of this machine's interfaces.
    media_announced_addresses: Annotated[tuple[str, ...], NoDecode] = ()
    # Who decides whether a stream key may publish: the server's hook.
    authorize_url: str = "http://127.0.0.1:8080/internal/publish"
    authorize_timeout_seconds: float = Field(5.0, gt=0)
    # Unfinished recordings live here until S3 has them; a crash is mended from this folder.
    spool_folder: str = "var/spool"
    max_sessions: int = Field(2000, ge=1)
    # Viewers of one address who may be connecting at once; more hear 429. Raise it where proxies hide addresses.
    connecting_per_address: int = Field(20, ge=1)
    # Sessions that one address may ask for in a minute (POST); more hear 429. Raise it where proxies hide addresses.
    opens_per_address_per_minute: int = Field(600, ge=1)
    # The same for what is done to sessions: trickle, restarts, layers, ends (PATCH, DELETE, POST below a session).
    changes_per_address_per_minute: int = Field(1200, ge=1)
    # Proxies in front whose X-Forwarded-For is believed (how many hops); 0: none.
    trusted_proxy_hops: int = Field(0, ge=0, le=4)
    # An SDP offer larger than this is refused with 413.
    sdp_limit_bytes: int = Field(64_000, ge=4_000)
    # A publisher that vanished may come back within this time and goes on in the same stream.
    publisher_grace_seconds: float = Field(30.0, ge=0)
    # A peer that has not proved its consent (RFC 7675) for this long is closed.
    consent_timeout_seconds: float = Field(30.0, gt=0)
    # A session whose ICE and DTLS are not up by then is closed.
    connect_timeout_seconds: float = Field(20.0, gt=0)
    # TURN servers told to clients, separated by commas: turn:live.example.cn:3478?transport=udp,…; empty: none.
    turn_urls: Annotated[tuple[str, ...], NoDecode] = ()
    # What coturn calls static-auth-secret; needed with TURN_URLS. Clients get passwords made of it, for a while.
    turn_secret: SecretStr | None = None
    turn_password_seconds: float = Field(3600.0, ge=60)
    # A recorded part ends at the first keyframe after this; shorter parts lose less in a crash and cost more objects.
    recording_part_seconds: float = Field(2.0, ge=0.5, le=4)

    @model_validator(mode="after")
    def _turn_needs_its_secret(self) -> Self:
        if self.turn_urls and self.turn_secret is None:
            raise ValueError("TURN_SECRET is needed with TURN_URLS")
        return self

    @field_validator("media_announced_addresses", "turn_urls", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


S = TypeVar("S", bound=SharedSettings)


def load(kind: type[S]) -> S:
    """Read settings of one kind from the environment.

    Raises:
        SettingsError: with one line for each missing or wrong setting.
    """
    return _checked(kind)


def load_from(kind: type[S], environment: Mapping[str, str]) -> S:
    """The same from values that somebody else has gathered. Raises SettingsError."""
    return _checked(
        lambda: kind.model_validate({name.lower(): value for name, value in environment.items() if value})
    )


def _checked(make: Callable[[], S]) -> S:
    try:
        return make()
    except ValidationError as error:
        lines = [f"  {'.'.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors()]
        raise SettingsError("these settings are missing or wrong:\n" + "\n".join(lines)) from None
