"""What happens to money: a buyer is sent to pay, a provider says that he has, what has no order goes back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from config.clock import Clock
from config.logs import logger
from server.accounts.model import User
from server.errors import Conflict, DomainError, NotFound, Unavailable
from server.orders.model import Order, OrderState
from server.payments.model import Notice, Payment, PaymentState, check_notice

log = logger(__name__)

LOOK_AGAIN_SECONDS = 10.0  # how soon a refund that failed is tried again
LOOKS_IN_ONE_ROUND = 100
KEPT_HEADER_CHARACTERS = 500


class ProviderAway(Exception):
    """The provider did not do what it was asked; trying again later may help."""


class Provider(Protocol):
    """Somebody who takes and gives money. Each call may be repeated and then changes nothing."""

    @property
    def name(self) -> str:
        """As it stands in addresses and records."""

    @property
    def signature_header(self) -> str:
        """The header that carries the signature of its callbacks."""

    async def begin(self, payment: Payment) -> str:
        """Where the buyer pays. Raises ProviderAway."""

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """A callback's content, if it is really the provider's. Raises DomainError."""

    async def refund(self, payment: Payment) -> bool:
        """Give the money back; False: it is on its way, ask again. Raises ProviderAway."""


class Store(Protocol):
    """What this service keeps."""

    async def add_once(self, payment: Payment) -> Payment: ...
    async def get(self, payment_id: str) -> Payment | None: ...
    async def of_order(self, order_id: str) -> Payment | None: ...
    async def mark_paid(
        self, payment_id: str, reference: str, now: datetime, look_at: datetime
    ) -> Payment | None: ...
    async def mark_refunded(self, payment_id: str) -> None: ...
    async def look_later(self, payment_id: str, look_at: datetime | None) -> None: ...
    async def claim(self, now: datetime, look_at: datetime) -> Payment | None: ...
    async def keep_callback(
        self, provider: str, payment_id: str, headers: str, body: bytes, now: datetime
    ) -> None: ...
    async def keep_refused(self, provider: str, code: str, headers: str, body: bytes, now: datetime) -> None: ...


class Orders(Protocol):
    """What the money is for."""

    async def get(self, buyer: User, order_id: str) -> Order: ...
    async def of_shop(self, host: User, order_id: str) -> Order: ...
    async def payable(self, buyer: User, order_id: str) -> Order: ...
    async def payment_arrived(self, order_id: str, paid_at: datetime) -> Order: ...
    async def refund(self, order_id: str) -> Order: ...
    async def refunded(self, order_id: str) -> Order: ...


class Payments:
    """Payments of all orders.

    That money has come is written down first, by itself; then the order follows. Whoever is killed in between leaves
    a payment with a `look_at`, and the sweep of any server takes it from there.
    """

    def __init__(self, store: Store, providers: Sequence[Provider], orders: Orders, clock: Clock) -> None:
        self._store = store
        self._providers = {provider.name: provider for provider in providers}
        self._orders = orders
        self._clock = clock

    async def begin(self, buyer: User, order_id: str) -> str:
        """Where the buyer pays his order. Raises NotFound, Conflict (`step_not_allowed`), Unavailable."""
        order = await self._orders.payable(buyer, order_id)
        if not self._providers:
            raise Unavailable("no way to pay is set up")
        provider = next(iter(self._providers.values()))
        payment = await self._store.add_once(
            Payment(
                id=secrets.token_hex(16),  # whoever has the address may pay: it must not be guessed
                order_id=order.id,
                order_number=order.number,
                provider=provider.name,
                title=order.title,
                amount_fen=order.total_fen,
                state=PaymentState.WAITING,
                created_at=self._clock.now(),
                paid_at=None,
                reference=None,
                look_at=None,
            )
        )
        try:
            return await self._provider_of(payment).begin(payment)
        except ProviderAway:
            raise Unavailable("the payment provider does not answer; please try again") from None

    async def receive(self, provider_name: str, headers: Mapping[str, str], body: bytes) -> None:
        """A provider's callback; the same one again, late or early, changes nothing more. Every one is kept.

        Raises:
            NotFound (`not_found`, `unknown_payment`), NotAllowed (`bad_signature`, `callback_too_old`),
            Conflict (`wrong_amount`), BadRequest
        """
        provider = self._providers.get(provider_name)
        if provider is None:
            raise NotFound("there is no such payment provider")
        now = self._clock.now()
        signature = headers.get(provider.signature_header, "")[:KEPT_HEADER_CHARACTERS]
        try:
            notice = provider.read_notice(headers, body, now)
            payment = check_notice(notice, await self._store.get(notice.payment_id), provider.name)
        except DomainError as error:
            log.warning("payment callback refused", provider=provider.name, code=error.code)
            await self._store.keep_refused(provider.name, error.code, signature, body, now)
            raise
        await self._store.keep_callback(provider.name, payment.id, signature, body, now)
        paid = await self._store.mark_paid(payment.id, notice.reference, now, self._later())
        if paid is not None:
            log.info("payment arrived", payment=payment.id, order=payment.order_id)
            payment = paid
        await self._agree(payment)

    async def refund_own(self, buyer: User, order_id: str) -> Order:
        """Take one's own paid order back before it is shipped. Raises NotFound, Conflict (`step_not_allowed`)."""
        await self.refund((await self._orders.get(buyer, order_id)).id)
        return await self._orders.get(buyer, order_id)

    async def refund_for(self, host: User, order_id: str) -> Order:
        """A host gives the money back for what is not shipped yet. Raises NotFound, Conflict (`step_not_allowed`)."""
        await self.refund((await self._orders.of_shop(host, order_id)).id)
        return await self._orders.of_shop(host, order_id)

    async def refund(self, order_id: str) -> None:
        """Take a paid order back and give its money back. Raises NotFound, Conflict (`step_not_allowed`)."""
        payment = await self._store.of_order(order_id)
        if payment is None:
            raise NotFound("nobody has paid this order")
        if payment.state is not PaymentState.PAID:
            raise Conflict("this order is not paid", code="step_not_allowed")
        await self._store.look_later(payment.id, self._later())
        await self._orders.refund(order_id)
        await self._agree(payment)

    async def sweep(self) -> None:
        """Look at payments whose order may not have followed yet."""
        for _ in range(LOOKS_IN_ONE_ROUND):
            payment = await self._store.claim(self._clock.now(), self._later())
            if payment is None:
                return
            try:
                await self._agree(payment)
            except DomainError as error:
                log.exception("money and order do not agree yet", payment=payment.id, code=error.code)

    async def _agree(self, payment: Payment) -> None:
        """Let the order follow the money, or the money go back."""
        order = await self._orders.payment_arrived(payment.order_id, payment.paid_at or self._clock.now())
        if order.state is OrderState.REFUNDING and not await self._give_back(payment):
            return
        await self._store.look_later(payment.id, None)

    async def _give_back(self, payment: Payment) -> bool:
        try:
            if not await self._provider_of(payment).refund(payment):
                return False
        except ProviderAway as error:
            log.warning("refund failed, tried again", payment=payment.id, reason=str(error))
            return False
        await self._store.mark_refunded(payment.id)
        await self._orders.refunded(payment.order_id)
        log.info("payment refunded", payment=payment.id, order=payment.order_id)
        return True

    def _provider_of(self, payment: Payment) -> Provider:
        provider = self._providers.get(payment.provider)
        if provider is None:
            raise Unavailable("the provider of this payment is not set up")
        return provider

    def _later(self) -> datetime:
        return self._clock.now() + timedelta(seconds=LOOK_AGAIN_SECONDS)
