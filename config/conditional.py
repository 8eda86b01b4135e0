"""Writing an object only as long as nobody else has: one of two files that touch the S3 SDK's inner calls.

Its public ones send no conditions (`If-Match`, `If-None-Match`) with what they write.
"""

from __future__ import annotations

from minio import Minio
from minio.error import S3Error

assert hasattr(Minio, "_put_object"), "minio changed; revisit config/conditional.py"

# What servers call it: AWS, SeaweedFS, MinIO; the second while two are at it, the third if it was deleted.
REFUSALS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})


class ObjectChanged(Exception):
    """Somebody else has written the object since it was read."""


def put_over(client: Minio, bucket: str, key: str, data: bytes, content_type: str, etag: str | None) -> None:
    """Write an object over the one that was read with this ETag; None: there was none. Blocks, as the SDK does.

    Raises ObjectChanged, also when a first answer was lost and the second try found our own: read it again.
    """
    condition = {"If-None-Match": "*"} if etag is None else {"If-Match": f'"{etag}"'}
    try:
        client._put_object(bucket, key, data, {"Content-Type": content_type, **condition})
    except S3Error as error:
        if error.code in REFUSALS:
            raise ObjectChanged(key) from None
        raise
