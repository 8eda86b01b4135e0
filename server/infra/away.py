"""What our clients raise when a server behind us is away: MongoDB, Redis, the object store."""

from __future__ import annotations

from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError
from redis.exceptions import RedisError

from config.objects import ObjectsUnavailable

AWAY = (ConnectionFailure, ExecutionTimeout, PyMongoError, RedisError, ObjectsUnavailable)
