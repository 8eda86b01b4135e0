"""What the server counts; names are verbs in the code and `dongting_…` in Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class ServerMetrics:
    """Counters of one server process on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "dongting_http_requests", "HTTP requests", ["method", "route", "status"], registry=self.registry
        )
        self._request_seconds = Histogram(
            "dongting_http_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=self.registry
        )
        self._sockets = Gauge("dongting_sockets", "Connected pages", registry=self.registry)
        self._events = Counter(
            "dongting_socket_events", "Events from pages", ["event", "outcome"], registry=self.registry
        )
        self._audits = Counter("dongting_sale_audits", "Sales whose books were checked", registry=self.registry)
        self._out_of_balance = Gauge(
            "dongting_sales_out_of_balance",
            "Sales whose books do not balance; never more than 0",
            registry=self.registry,
        )

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One HTTP request; `route` is its pattern, so that labels stay few."""
        self._requests.labels(method, route, status).inc()
        self._request_seconds.labels(route).observe(seconds)

    def watch_slow_pages(self, left_out: Callable[[], int], cut_off: Callable[[], int]) -> None:
        """Pages that read too slowly: how often one was passed by, how many were cut off."""
        for name, text, count in (
            ("dongting_pages_left_out", "Times a page read too slowly and was passed by", left_out),
            ("dongting_pages_cut_off", "Pages cut off because they read nothing", cut_off),
        ):
            Gauge(name, text, registry=self.registry).set_function(count)

    def watch_visitors(self, turned_away: Callable[[], int]) -> None:
        """Connections of addresses that have too many."""
        text = "Connections refused because their address had too many"
        Gauge("dongting_connections_turned_away", text, registry=self.registry).set_function(turned_away)

    def socket_connected(self) -> None:
        """One more page."""
        self._sockets.inc()

    def socket_disconnected(self) -> None:
        """One fewer."""
        self._sockets.dec()

    def event_answered(self, event: str, outcome: str) -> None:
        """One Socket.IO event: `ok`, or the error's code."""
        self._events.labels(event, outcome).inc()

    def sales_audited(self, checked: int, wrong: int) -> None:
        """One round of the auditor; `wrong`: sales whose books do not balance now."""
        self._audits.inc(checked)
        self._out_of_balance.set(wrong)
