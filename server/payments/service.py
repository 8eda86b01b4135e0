"""What happens to money: a buyer is sent to pay, a provider says that he has, what has no order goes back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from config.clock import Clock
from config.logs import logger
from server.accounts.model import User
from server.errors import BadRequest, Conflict, DomainError, NotFound, TooManyRequests, Unavailable
from server.orders.model import MONEY_GOES_BACK, Actor, Order, OrderState
from server.payments.model import (
    WAYS_AT_MOST,
    Answer,
    Checkout,
    Notice,
    Payer,
    Payment,
    PaymentState,
    check_notice,
    is_given_up,
    next_look,
)

log = logger(__name__)

CLAIM_SECONDS = 60.0  # longer than a look at one payment takes; after it another server looks
LOOKS_AT_ONCE = 20
LOOKS_IN_ONE_ROUND = 100
BEGINS_AT_MOST = 4  # each after another trade was put aside, or after somebody else was first
KEPT_HEADER_CHARACTERS = 600


class ProviderAway(Exception):
    """The provider did not do what it was asked; trying again later may help."""


class TradeOver(Exception):
    """The payment's trade at its provider is paid or closed, so that nobody can be sent there."""


class Provider(Protocol):
    """Somebody who takes and gives money. Each call may be repeated and then changes nothing."""

    @property
    def name(self) -> str:
        """As it stands in addresses and records."""

    @property
    def signature_headers(self) -> tuple[str, ...]:
        """The headers without which its callbacks cannot be checked."""

    async def begin(self, payment: Payment) -> Checkout:
        """Where the buyer pays. Raises ProviderAway, TradeOver."""

    def read_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """A callback's content, if it is really the provider's. Raises DomainError."""

    def answer(self, refused: DomainError | None) -> Answer:
        """What it wants to hear after its callback."""

    async def look(self, payment: Payment) -> Notice | None:
        """That the payment is paid, if it is. Raises ProviderAway."""

    async def close(self, payment: Payment) -> Notice | None:
        """See to it that nobody can pay any more; that somebody already has, if so. Raises ProviderAway."""

    async def refund(self, payment: Payment) -> bool:
        """Give the money back; False: it is on its way, ask again. Raises ProviderAway."""


class Store(Protocol):
    """What this service keeps."""

    async def add_once(self, payment: Payment) -> Payment | None: ...
    async def get(self, payment_id: str) -> Payment | None: ...
    async def winner(self, order_id: str) -> Payment | None: ...
    async def count(self, order_id: str) -> int: ...
    async def mark_paid(
        self, payment_id: str, reference: str, now: datetime, look_at: datetime
    ) -> Payment | None: ...
    async def mark_closed(self, payment_id: str, look_at: datetime | None) -> None: ...
    async def mark_refunded(self, payment_id: str) -> None: ...
    async def look_later(self, payment_id: str, look_at: datetime) -> None: ...
    async def end_look(self, payment: Payment, look_at: datetime | None) -> None: ...
    async def look_soon(self, order_ids: Sequence[str], now: datetime) -> None: ...
    async def claim(
        self, provider: str | None, ways: Sequence[str], now: datetime, look_at: datetime
    ) -> Payment | None: ...
    async def keep_callback(
        self, provider: str, payment_id: str, headers: str, body: bytes, now: datetime
    ) -> None: ...
    async def keep_refused(self, provider: str, code: str, headers: str, body: bytes, now: datetime) -> None: ...


class Orders(Protocol):
    """What the money is for."""

    async def get(self, buyer: User, order_id: str) -> Order: ...
    async def find(self, order_id: str) -> Order: ...
    async def of_shop(self, host: User, order_id: str) -> Order: ...
    async def payable(self, buyer: User, order_id: str) -> Order: ...


class Settling(Protocol):
    """Lets orders follow their money."""

    async def payment_arrived(self, order_id: str, paid_at: datetime) -> Order: ...
    async def refund(self, order_id: str, by: Actor) -> Order: ...
    async def refunded(self, order_id: str) -> Order: ...


class Payments:
    """Payments of all orders.

    That money has come is written down first, by itself; then the order follows. Whoever is killed in between leaves
    a payment with a `look_at`, and the sweep of any server takes it from there. It also asks providers about payments
    whose callback does not come, and closes those whose order is over. Only who has set a `look_at` ends it, and only
    while it is still his: somebody else's may mean money that this one has not seen.
    """

    def __init__(
        self, store: Store, providers: Sequence[Provider], orders: Orders, settling: Settling, clock: Clock
    ) -> None:
        self._store = store
        self._providers = {provider.name: provider for provider in providers}
        self._orders = orders
        self._settling = settling
        self._clock = clock

    @property
    def ways(self) -> list[str]:
        """How one can pay here, the usual way first."""
        return list(self._providers)

    async def begin(self, buyer: User, order_id: str, way: str | None, payer: Payer) -> Checkout:
        """Where the buyer pays his order; what he began in another way is put aside first.

        Raises:
            BadRequest, NotFound, Conflict (`step_not_allowed`), TooManyRequests, Unavailable
        """
        provider = self._chosen(way)
        for begins_left in reversed(range(BEGINS_AT_MOST)):
            order = await self._orders.payable(buyer, order_id)
            payment = await self._store.add_once(self._new_payment(order, provider, payer))
            if payment is None:
                continue  # what stood in the way is gone
            if payment.fits(provider.name, payer):
                try:
                    return await provider.begin(payment)
                except ProviderAway as error:
                    log.warning("payment not begun", provider=provider.name, payment=payment.id, reason=str(error))
                    raise Unavailable("the payment provider does not answer; please try again") from None
                except TradeOver:
                    log.info("trade is over", provider=provider.name, payment=payment.id)
            elif not begins_left:
                break  # whoever closes another's trade goes on to one of his own, or none would be left open
            await self._leave(payment)
        raise Unavailable("the payment could not be begun; please try again")

    async def receive(self, provider_name: str, headers: Mapping[str, str], body: bytes) -> None:
        """A provider's callback; the same one again, late or early, changes nothing more. Every one is kept.

        Raises:
            NotFound (`not_found`, `unknown_payment`), NotAllowed (`bad_signature`, `callback_too_old`,
            `wrong_merchant`), Conflict (`wrong_amount`), BadRequest
        """
        provider = self._named(provider_name)
        now = self._clock.now()
        kept = "\n".join(
            f"{name}: {headers.get(name, '')[:KEPT_HEADER_CHARACTERS]}" for name in provider.signature_headers
        )
        try:
            notice = provider.read_notice(headers, body, now)
            payment = check_notice(notice, await self._store.get(notice.payment_id), provider.name)
        except DomainError as error:
            log.warning("payment callback refused", provider=provider.name, code=error.code)
            await self._store.keep_refused(provider.name, error.code, kept, body, now)
            raise
        await self._store.keep_callback(provider.name, payment.id, kept, body, now)
        if notice.is_paid:
            await self._take(notice, payment)

    def answer(self, provider_name: str, refused: DomainError | None) -> Answer:
        """What a provider wants to hear after its callback. Raises NotFound."""
        return self._named(provider_name).answer(refused)

    async def refund_own(self, buyer: User, order_id: str) -> Order:
        """Take one's own paid order back before it is shipped. Raises NotFound, Conflict (`step_not_allowed`)."""
        order = await self._orders.get(buyer, order_id)
        await self.take_back(order.id, lambda: self._settling.refund(order.id, Actor.BUYER))
        return await self._orders.get(buyer, order_id)

    async def refund_for(self, host: User, order_id: str) -> Order:
        """A host gives the money back for what is not shipped yet. Raises NotFound, Conflict (`step_not_allowed`)."""
        order = await self._orders.of_shop(host, order_id)
        await self.take_back(order.id, lambda: self._settling.refund(order.id, Actor.MERCHANT))
        return await self._orders.of_shop(host, order_id)

    async def take_back(self, order_id: str, take: Callable[[], Awaitable[object]]) -> None:
        """Take a paid order back (`take`) and give its money back. Raises NotFound, Conflict (`step_not_allowed`)."""
        payment = await self._store.winner(order_id)
        if payment is None:
            await self._orders.find(order_id)
            raise Conflict("this order is not paid", code="step_not_allowed")
        if payment.state is not PaymentState.PAID:
            raise Conflict("this order's money went back already", code="step_not_allowed")
        look_at = self._clock.now() + timedelta(seconds=CLAIM_SECONDS)
        await self._store.look_later(payment.id, look_at)
        ours = replace(payment, look_at=look_at, looks=0)
        await take()
        await self._end_look(ours, done=await self._agree(ours))

    async def orders_ended(self, order_ids: Sequence[str]) -> None:
        """These orders were cancelled, or their time is over: their trades are to be closed with the next sweep."""
        await self._store.look_soon(order_ids, self._clock.now())

    @property
    def rounds(self) -> list[Callable[[], Awaitable[None]]]:
        """A sweep for each provider, one for those that are set up no more.

        They are done side by side, so that one who hangs keeps nobody from money that lies with another.
        """
        return [partial(self._sweep, provider) for provider in (*self._providers, None)]

    async def sweep(self) -> None:
        """All rounds once."""
        await asyncio.gather(*(look() for look in self.rounds))

    async def _sweep(self, provider: str | None) -> None:
        """Look at payments that wait, that are to be closed, or whose order may not have followed yet."""
        for _ in range(LOOKS_IN_ONE_ROUND // LOOKS_AT_ONCE):
            claimed: list[Payment] = []
            while len(claimed) < LOOKS_AT_ONCE:
                now = self._clock.now()
                look_at = now + timedelta(seconds=CLAIM_SECONDS)
                payment = await self._store.claim(provider, self.ways, now, look_at)
                if payment is None:
                    break
                claimed.append(payment)
            looks = await asyncio.gather(*map(self._look_at, claimed), return_exceptions=True)
            for outcome in looks:
                if isinstance(outcome, BaseException):
                    raise outcome
            if len(claimed) < LOOKS_AT_ONCE:
                return

    async def _look_at(self, payment: Payment) -> None:
        try:
            done = await self._advance(payment)
        except ProviderAway as error:
            done = False
            log.warning("provider did not do what was asked", payment=payment.id, reason=str(error))
        except DomainError as error:
            done = False
            log.exception("money and order do not agree yet", payment=payment.id, code=error.code)
        await self._end_look(payment, done=done)

    async def _end_look(self, payment: Payment, *, done: bool) -> None:
        await self._store.end_look(payment, None if done else next_look(payment.looks, self._clock.now()))

    async def _advance(self, payment: Payment) -> bool:
        """Do what is next for a payment; False when it is to be looked at again."""
        if payment.state in {PaymentState.PAID, PaymentState.REFUNDED}:
            return await self._agree(payment)
        if is_given_up(payment, self._clock.now()):
            log.error("payment given up; its provider never said what became of it", payment=payment.id)
            await self._store.mark_closed(payment.id, None)
            return True
        order = await self._orders.find(payment.order_id)
        if payment.state is not PaymentState.WAITING or order.state is not OrderState.HELD:
            await self._put_aside(payment)
            return True
        notice = await self._provider_of(payment).look(payment)
        if notice is not None:
            await self._take(notice, payment)
        return notice is not None

    async def _leave(self, payment: Payment) -> None:
        """Put a payment aside for another; if its provider is away the sweep goes on with it."""
        if await self._store.count(payment.order_id) >= WAYS_AT_MOST:
            raise TooManyRequests("this order was begun too often; please pay in the way that you chose last")
        try:
            await self._put_aside(payment)
        except (ProviderAway, Unavailable) as error:
            log.warning("trade not closed yet", payment=payment.id, reason=str(error))
            await self._store.mark_closed(payment.id, next_look(0, self._clock.now()))

    async def _put_aside(self, payment: Payment) -> None:
        """Close a payment's trade, or take the money that has come already. Raises ProviderAway."""
        notice = await self._provider_of(payment).close(payment)
        if notice is None:
            await self._store.mark_closed(payment.id, None)
        else:
            await self._take(notice, payment)

    async def _take(self, notice: Notice, payment: Payment) -> None:
        """Money is there: write it down, then let the order follow."""
        check_notice(notice, payment, payment.provider)
        now = self._clock.now()
        paid = await self._store.mark_paid(payment.id, notice.reference, now, next_look(0, now))
        if paid is not None:
            log.info("payment arrived", payment=paid.id, order=paid.order_id, wins=paid.wins)
            await self._end_look(paid, done=await self._agree(paid))
        elif (known := await self._store.get(payment.id)) is not None:
            await self._agree(known)

    async def _agree(self, payment: Payment) -> bool:
        """Let the order follow the money, or the money go back; False: it is on its way."""
        if payment.wins:
            order = await self._settling.payment_arrived(payment.order_id, payment.paid_at or self._clock.now())
            return order.state not in MONEY_GOES_BACK or await self._give_back(payment)
        # The order has its money from another payment.
        return payment.state is PaymentState.REFUNDED or await self._give_back(payment)

    async def _give_back(self, payment: Payment) -> bool:
        try:
            if not await self._provider_of(payment).refund(payment):
                return False
        except ProviderAway as error:
            log.warning("refund failed, tried again", payment=payment.id, reason=str(error))
            return False
        await self._store.mark_refunded(payment.id)
        if payment.wins:
            await self._settling.refunded(payment.order_id)
        log.info("payment refunded", payment=payment.id, order=payment.order_id)
        return True

    def _new_payment(self, order: Order, provider: Provider, payer: Payer) -> Payment:
        now = self._clock.now()
        return Payment(
            id=secrets.token_hex(16),  # whoever has the address may pay: it must not be guessed
            order_id=order.id,
            order_number=order.number,
            provider=provider.name,
            payer=payer,
            title=order.title,
            amount_fen=order.total_fen,
            state=PaymentState.WAITING,
            created_at=now,
            expires_at=order.hold_until,
            look_at=next_look(0, now),
        )

    def _chosen(self, way: str | None) -> Provider:
        if not self._providers:
            raise Unavailable("no way to pay is set up")
        chosen = self._providers.get(way or self.ways[0])
        if chosen is None:
            raise BadRequest("one cannot pay like this here")
        return chosen

    def _named(self, provider_name: str) -> Provider:
        provider = self._providers.get(provider_name)
        if provider is None:
            raise NotFound("there is no such payment provider")
        return provider

    def _provider_of(self, payment: Payment) -> Provider:
        provider = self._providers.get(payment.provider)
        if provider is None:
            raise Unavailable("the provider of this payment is not set up")
        return provider
