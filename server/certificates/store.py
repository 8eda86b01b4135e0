"""Certificates in MongoDB: one for each person and course."""

from __future__ import annotations

from dataclasses import asdict

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from server.certificates.model import Certificate
from server.infra.mongo import Database, Document

LISTED = 200


class CertificateStore:
    """Collection `certificates`."""

    def __init__(self, database: Database) -> None:
        self._certificates = database["certificates"]

    async def make_indexes(self) -> None:
        """One of each course for everybody."""
        await self._certificates.create_index([("user_id", 1), ("course_id", 1)], unique=True)

    async def add(self, certificate: Certificate) -> Certificate:
        """Keep a certificate; if its owner has one of this course already, answer that."""
        plain = asdict(certificate)
        try:
            await self._certificates.insert_one({"_id": plain.pop("code"), **plain})
        except DuplicateKeyError:
            kept = await self.of(certificate.user_id, certificate.course_id)
            if kept is None:
                raise
            return kept
        return certificate

    async def get(self, code: str) -> Certificate | None:
        """One certificate."""
        document = await self._certificates.find_one({"_id": code})
        return None if document is None else _certificate(document)

    async def of(self, user_id: str, course_id: str) -> Certificate | None:
        """What somebody has earned in a course."""
        document = await self._certificates.find_one({"user_id": user_id, "course_id": course_id})
        return None if document is None else _certificate(document)

    async def all_of(self, user_id: str) -> list[Certificate]:
        """What somebody has earned, newest first."""
        found = self._certificates.find({"user_id": user_id}).sort("issued_at", DESCENDING).limit(LISTED)
        return [_certificate(document) async for document in found]


def _certificate(document: Document) -> Certificate:
    plain = {**document, "code": document["_id"]}
    del plain["_id"]
    return Certificate(**plain)
