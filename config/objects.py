"""The object store: the S3 client of media, server and workers, on a bounded pool of threads (the SDK blocks).

Keys under `public/` may be read by anybody through the server; everything else is for the processes only.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, MinioException, S3Error

from config.conditional import ConditionalWrites, plain_etag
from config.multipart import Multipart
from config.settings import SharedSettings

CHUNK_BYTES = 256 * 1024
ANSWER_TOLD = 300  # characters of an answer that is none
IMMUTABLE = "public, max-age=31536000, immutable"
T = TypeVar("T")


class ObjectNotFound(Exception):
    """No object has this key."""


class ObjectsUnavailable(Exception):
    """The object store did not answer, or answered with a fault of its own, or has no bucket yet; try again later."""


class RangeNotSatisfiable(Exception):
    """The asked range lies outside the object."""


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What the store knows of one object."""

    key: str
    size: int
    content_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class TaggedObject:
    """An object as it was read, to be written over if it is still so."""

    body: bytes
    etag: str


class Objects(Protocol):
    """What an object store does for us."""

    async def put(self, key: str, data: bytes, content_type: str) -> None: ...
    async def put_file(self, key: str, path: Path, content_type: str) -> None: ...
    async def put_over(self, key: str, data: bytes, content_type: str, etag: str | None) -> None: ...
    async def get_tagged(self, key: str) -> TaggedObject: ...
    async def get(self, key: str) -> bytes: ...
    async def get_file(self, key: str, path: Path) -> None: ...
    async def stat(self, key: str) -> ObjectStat: ...
    async def list_keys(self, prefix: str) -> list[str]: ...
    async def delete_prefix(self, prefix: str) -> int: ...
    def read(self, key: str, offset: int = 0, length: int = 0) -> AsyncGenerator[bytes, None]: ...


class S3Objects:
    """Objects in one bucket of an S3 server.

    At most `s3_threads` calls run at once; further calls wait for a free thread.
    Raises ObjectNotFound, RangeNotSatisfiable and ObjectsUnavailable, nothing of the SDK's.
    """

    def __init__(self, settings: SharedSettings) -> None:
        timeout = urllib3.Timeout(connect=3.0, read=settings.s3_timeout_seconds)
        pool = urllib3.PoolManager(
            timeout=timeout, maxsize=settings.s3_threads, retries=urllib3.Retry(2, backoff_factor=0.2)
        )
        self._client = Minio(
            endpoint=settings.s3_endpoint,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key.get_secret_value(),
            secure=settings.s3_secure,
            region="us-east-1",
            http_client=pool,
        )
        self._bucket = settings.s3_bucket
        self._multipart = Multipart(self._client, self._bucket)
        self._conditional = ConditionalWrites(self._client, self._bucket)
        self._threads = ThreadPoolExecutor(settings.s3_threads, thread_name_prefix="s3")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the threads; a call under way finishes first."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def make_bucket(self) -> None:
        """Make the bucket if it is missing."""

        def work() -> None:
            if self._client.bucket_exists(bucket_name=self._bucket):
                return
            try:
                self._client.make_bucket(bucket_name=self._bucket)
            except S3Error as error:
                if error.code != "BucketAlreadyOwnedByYou":  # another process of ours was quicker
                    raise

        await self._call(work)

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        """Write an object in one piece."""
        await self._call(
            lambda: self._client.put_object(
                bucket_name=self._bucket,
                object_name=key,
                data=io.BytesIO(data),
                length=len(data),
                content_type=content_type,
            )
        )

    async def put_file(self, key: str, path: Path, content_type: str) -> None:
        """Write a file's content as an object."""
        await self._call(
            lambda: self._client.fput_object(
                bucket_name=self._bucket, object_name=key, file_path=str(path), content_type=content_type
            )
        )

    async def get(self, key: str) -> bytes:
        """Read a small object whole."""
        return (await self.get_tagged(key)).body

    async def put_over(self, key: str, data: bytes, content_type: str, etag: str | None) -> None:
        """Write an object over the one that was read with this ETag; None: there was none. Raises ObjectChanged."""
        await self._call(lambda: self._conditional.put_over(key, data, content_type, etag))

    async def get_tagged(self, key: str) -> TaggedObject:
        """Read a small object whole, with its ETag."""

        def work() -> TaggedObject:
            response = self._client.get_object(bucket_name=self._bucket, object_name=key)
            try:
                return TaggedObject(bytes(response.read()), plain_etag(response.headers.get("ETag", "")))
            finally:
                response.close()
                response.release_conn()

        return await self._call(work)

    async def get_file(self, key: str, path: Path) -> None:
        """Read an object into a file."""
        await self._call(
            lambda: self._client.fget_object(bucket_name=self._bucket, object_name=key, file_path=str(path))
        )

    async def stat(self, key: str) -> ObjectStat:
        """Size and type of an object."""
        found = await self._call(lambda: self._client.stat_object(bucket_name=self._bucket, object_name=key))
        return ObjectStat(key, found.size or 0, found.content_type or "application/octet-stream", found.etag or "")

    async def list_keys(self, prefix: str) -> list[str]:
        """Every key that begins with `prefix`, sorted."""

        def work() -> list[str]:
            found = self._client.list_objects(bucket_name=self._bucket, prefix=prefix, recursive=True)
            return sorted(str(item.object_name) for item in found)

        return await self._call(work)

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every object whose key begins with `prefix`; answers how many there were.

        Raises ObjectsUnavailable, also when some could not be deleted: once more is fine.
        """
        keys = await self.list_keys(prefix)

        def work() -> int:
            faults = list(
                self._client.remove_objects(
                    bucket_name=self._bucket, delete_object_list=[DeleteObject(k) for k in keys]
                )
            )
            if faults:
                raise ObjectsUnavailable(f"{len(faults)} objects could not be deleted")
            return len(keys)

        return await self._call(work) if keys else 0

    async def begin_parts(self, key: str) -> str:
        """Begin an object that will be written in parts; answers the id of this attempt."""
        return await self._call(lambda: self._multipart.begin(key))

    async def put_part(self, key: str, multipart_id: str, number: int, data: bytes) -> str:
        """Write a part, of 5 MiB or more if it is not the last; answers what joining will ask for."""
        return await self._call(lambda: self._multipart.put(key, multipart_id, number, data))

    async def join_parts(self, key: str, multipart_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Make an object of these parts (number, what writing it answered), in their order."""
        await self._call(lambda: self._multipart.join(key, multipart_id, parts))

    async def drop_parts(self, key: str) -> None:
        """Forget every attempt to write this object in parts, with its parts."""
        await self._call(lambda: self._multipart.drop(key))

    async def drop_attempt(self, key: str, multipart_id: str) -> None:
        """Forget one attempt to write this object in parts, with its parts. Raises ObjectNotFound."""
        await self._call(lambda: self._multipart.drop_attempt(key, multipart_id))

    async def read(self, key: str, offset: int = 0, length: int = 0) -> AsyncGenerator[bytes, None]:
        """Stream `length` bytes from `offset` (0: to the end) in chunks of CHUNK_BYTES."""
        response: Any = await self._call(
            lambda: self._client.get_object(bucket_name=self._bucket, object_name=key, offset=offset, length=length)
        )
        try:
            while chunk := await self._call(lambda: response.read(CHUNK_BYTES)):
                yield bytes(chunk)
        finally:
            response.close()
            response.release_conn()

    async def _call(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, work)
        except S3Error as error:
            if error.code in {"NoSuchKey", "NoSuchObject", "NoSuchUpload", "InvalidPart"}:
                raise ObjectNotFound(error.object_name or "") from None
            if error.code == "InvalidRange":
                raise RangeNotSatisfiable from None
            raise ObjectsUnavailable(error.code) from error
        except InvalidResponseError as error:  # no S3 error, so it is all that anybody will know of the cause
            raise ObjectsUnavailable(f"InvalidResponseError: {' '.join(str(error).split())[:ANSWER_TOLD]}") from error
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ObjectsUnavailable(type(error).__name__) from error
