"""Writing an object only as long as nobody else has: one of two files that touch the S3 SDK's inner calls.

Its public ones send no conditions (`If-Match`, `If-None-Match`) with what they write.
"""

from __future__ import annotations

from minio import Minio
from minio.error import InvalidResponseError, S3Error, ServerError

from config.logs import logger

log = logger(__name__)

assert hasattr(Minio, "_put_object"), "minio changed; revisit config/conditional.py"
assert hasattr(InvalidResponseError(501, None, None), "_code"), "minio changed; revisit config/conditional.py"

# What servers call it: AWS, SeaweedFS, MinIO; the second while two are at it, the third if it was deleted.
REFUSALS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})
NOT_IMPLEMENTED = 501


class ObjectChanged(Exception):
    """Somebody else has written the object since it was read."""


def plain_etag(header: str) -> str:
    """An ETag without its quotes. A proxy that zips makes it weak (`W/"…"`), the store still means the same one."""
    return header.strip().removeprefix("W/").strip('"')


class ConditionalWrites:
    """Conditional writes in one bucket. Blocks, as the SDK does; raises its errors.

    With a store that knows no conditions, or says that an object has changed that has not, it looks at the object
    before it writes: of two who write at the very same moment the later one wins then. The first time is logged.
    """

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._has_conditions = True

    def put_over(self, key: str, data: bytes, content_type: str, etag: str | None) -> None:
        """Write an object over the one that was read with this ETag; None: there was none.

        Raises ObjectChanged, also when a first answer was lost and the second try found our own: read it again.
        """
        if etag == "":
            self._lose_conditions("it gives no ETag")
        if self._has_conditions and self._put_if(key, data, content_type, etag):
            return
        if self._etag_of(key) != etag:
            raise ObjectChanged(key)
        self._client._put_object(self._bucket, key, data, {"Content-Type": content_type})

    def _put_if(self, key: str, data: bytes, content_type: str, etag: str | None) -> bool:
        """False: the store knows no conditions. Raises ObjectChanged."""
        condition = {"If-None-Match": "*"} if etag is None else {"If-Match": f'"{etag}"'}
        try:
            self._client._put_object(self._bucket, key, data, {"Content-Type": content_type, **condition})
        except (S3Error, ServerError, InvalidResponseError) as error:
            if _status_of(error) == NOT_IMPLEMENTED:
                self._lose_conditions("it answers 501 to them")
                return False
            if not isinstance(error, S3Error) or error.code not in REFUSALS:
                raise
            if error.code == "PreconditionFailed" and etag is not None and self._etag_of(key) == etag:
                self._lose_conditions("it takes what has not changed for changed")
                return False
            raise ObjectChanged(key) from None
        return True

    def _lose_conditions(self, why: str) -> None:
        if self._has_conditions:
            self._has_conditions = False
            log.error(
                "THE OBJECT STORE KNOWS NO CONDITIONAL WRITES: processes that write one object at the same moment may"
                " lose what one of them wrote",
                why=why,
            )

    def _etag_of(self, key: str) -> str | None:
        """The ETag of what is there now; None: nothing is."""
        try:
            return plain_etag(self._client.stat_object(bucket_name=self._bucket, object_name=key).etag or "")
        except S3Error as error:
            if error.code == "NoSuchKey":
                return None
            raise


def _status_of(error: S3Error | ServerError | InvalidResponseError) -> int:
    if isinstance(error, S3Error):
        return int(error.response.status)
    return error.status_code if isinstance(error, ServerError) else error._code
