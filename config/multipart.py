"""Writing an object in parts over days and processes: one of two files that touch the S3 SDK's inner calls.

Its public ones send in parts only what they have as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from minio import Minio
from minio.datatypes import Part

for _name in (
    "_create_multipart_upload",
    "_upload_part",
    "_complete_multipart_upload",
    "_abort_multipart_upload",
    "_list_multipart_uploads",
):
    assert hasattr(Minio, _name), "minio changed; revisit config/multipart.py"


class Multipart:
    """Multipart uploads in one bucket. Blocks, as the SDK does; raises its errors."""

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def begin(self, key: str) -> str:
        """Answers the id of this attempt."""
        multipart_id: str = self._client._create_multipart_upload(self._bucket, key, {})
        return multipart_id

    def put(self, key: str, multipart_id: str, number: int, data: bytes) -> str:
        """Write a part; answers its ETag."""
        etag: str = self._client._upload_part(self._bucket, key, data, None, multipart_id, number)
        return etag

    def join(self, key: str, multipart_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Make the object of these parts: number and ETag of each."""
        wanted = [Part(number, etag) for number, etag in parts]
        self._client._complete_multipart_upload(self._bucket, key, multipart_id, wanted)

    def drop(self, key: str) -> None:
        """Forget every attempt at an object."""
        for upload in self._client._list_multipart_uploads(self._bucket, prefix=key).uploads:
            if upload.object_name == key and upload.upload_id is not None:
                self.drop_attempt(key, upload.upload_id)

    def drop_attempt(self, key: str, multipart_id: str) -> None:
        """Forget one attempt at an object."""
        self._client._abort_multipart_upload(self._bucket, key, multipart_id)
