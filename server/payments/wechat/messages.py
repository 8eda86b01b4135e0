"""What WeChat Pay says: the parts of its answers and callbacks that we read."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Message(BaseModel):
    """Types are exact; what we do not read may change."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Amount(Message):
    """`total` is the price in fen; what the buyer paid of it after WeChat's own coupons is not our business."""

    total: int = Field(ge=0)
    currency: str = "CNY"


class Transaction(Message):
    """What became of a trade; a callback and a query say it in the same words."""

    appid: str
    mchid: str
    out_trade_no: str = Field(min_length=1, max_length=64)
    trade_state: str
    transaction_id: str = Field("", max_length=64)
    amount: Amount = Amount(total=0)


class Resource(Message):
    """The encrypted part of a callback."""

    algorithm: Literal["AEAD_AES_256_GCM"]
    nonce: str
    ciphertext: str
    associated_data: str = ""


class Callback(Message):
    """A callback, its signature checked."""

    event_type: str
    resource_type: Literal["encrypt-resource"]
    resource: Resource


class Begun(Message):
    """Where a trade is paid: `h5_url` opens the app, `code_url` is scanned by it."""

    h5_url: str = ""
    code_url: str = ""


class Refund(Message):
    """How far a refund is."""

    out_refund_no: str
    status: str


class Problem(Message):
    """Why something was not done."""

    code: str = ""
