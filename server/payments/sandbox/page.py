"""The till's page: what it costs, what it is, two buttons; plain HTML that works without scripts."""

from __future__ import annotations

from html import escape
from string import Template

from server.payments.sandbox.bill import LATE_SECONDS, Bill, BillState, Manner, yuan

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
STYLE = """
:root { color-scheme: light; --lake: #0e6b5c; --paper: #faf7f0; --ink: #1d2b28; --persimmon: #b53a20;
  --line: #d9d4c6; --reed: #e0a526; --quiet: #55605d; --card: #fff }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 "PingFang SC", "HarmonyOS Sans",
  "Noto Sans SC", "Noto Sans CJK SC", system-ui, sans-serif }
main { max-width: 420px; min-height: 100vh; margin: 0 auto; padding: 24px 16px;
  display: flex; flex-direction: column }
.mark { margin: 0 0 24px; padding: 8px 16px; border: 2px dashed var(--persimmon); border-radius: 12px;
  color: var(--persimmon); font-weight: 600; text-align: center }
h1 { margin: 0; font-size: 20px; text-align: center }
.amount { margin: 8px 0 24px; font-size: 44px; font-weight: 700; text-align: center;
  font-variant-numeric: tabular-nums }
.amount small { margin-right: 4px; font-size: 24px }
dl { margin: 0; padding: 8px 16px; background: var(--card); border-radius: 12px;
  box-shadow: 0 1px 6px rgb(29 43 40 / 12%) }
dl div { display: flex; justify-content: space-between; gap: 16px; padding: 12px 0 }
dl div + div { border-top: 1px solid var(--line) }
dt { flex: none; color: var(--quiet) }
dd { margin: 0; text-align: right; overflow-wrap: anywhere }
.actions { display: grid; gap: 12px; margin-top: auto; padding-top: 32px }
form { display: contents }
details { padding: 0 16px; border-radius: 12px; background: var(--card); box-shadow: 0 1px 6px rgb(29 43 40 / 12%) }
summary { padding: 12px 0; color: var(--quiet); cursor: pointer }
label { display: flex; align-items: center; gap: 12px; min-height: 48px; cursor: pointer }
input { width: 20px; height: 20px; margin: 0; accent-color: var(--lake) }
button, a.button { display: block; width: 100%; min-height: 52px; padding: 12px; border: 0; border-radius: 26px;
  font: inherit; font-size: 18px; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer }
.main { background: var(--lake); color: var(--card) }
.other { background: transparent; color: var(--ink); border: 1px solid var(--line) }
button:focus-visible, a:focus-visible { outline: 3px solid var(--reed); outline-offset: 2px }
"""
_PAGE = Template("""<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<link rel="stylesheet" href="/sandbox/till.css">
</head>
<body>
<main>
<p class="mark">沙箱，不会扣真钱</p>
$content
</main>
</body>
</html>
""")
_BILL = Template("""<h1>$headline</h1>
<p class="amount"><small>¥</small>$amount</p>
<dl>
<div><dt>金额</dt><dd>¥$amount</dd></div>
<div><dt>商品</dt><dd>$goods</dd></div>
<div><dt>订单号</dt><dd>$number</dd></div>
</dl>
<div class="actions">
$actions
</div>""")
_PAY = Template("""<form method="post" action="/sandbox/payments/$id/pay">
<details><summary>试试回调不顺利的时候</summary>
$manners
</details>
<button class="main">付款</button></form>
<form method="post" action="/sandbox/payments/$id/cancel"><button class="other">取消</button></form>""")
_BACK = Template("""<a class="button main" href="/orders/$order_id">查看订单</a>""")
_HEADLINES = {
    BillState.OPEN: "确认付款",
    BillState.CLOSED: "付款已关闭",
    BillState.PAID: "已付款",
    BillState.REFUNDED: "已退款",
}
_MANNER = Template("""<label><input type="radio" name="callback" value="$manner"$checked>$words</label>""")
_MANNERS = {
    Manner.PROMPT: "付款结果马上通知商家",
    Manner.LATE: f"通知晚 {LATE_SECONDS} 秒到",
    Manner.TWICE: "通知到两次",
    Manner.SHUFFLED: "先到付款通知，再到更早的通知",
    Manner.NEVER: "通知一直不到，由商家自己来查",
}
_UNKNOWN = """<h1>没有这笔付款</h1>
<div class="actions"><a class="button main" href="/orders">查看我的订单</a></div>"""


def bill_page(bill: Bill) -> str:
    """The page of a bill."""
    actions = _PAY if bill.state is BillState.OPEN else _BACK
    content = _BILL.substitute(
        headline=_HEADLINES[bill.state],
        amount=yuan(bill.amount_fen),
        goods=escape(bill.title),
        number=escape(bill.order_number),
        actions=actions.substitute(id=escape(bill.id), order_id=escape(bill.order_id), manners=_manners()),
    )
    return _PAGE.substitute(title="沙箱付款", content=content)


def unknown_page() -> str:
    """The page for an address that leads nowhere."""
    return _PAGE.substitute(title="没有这笔付款", content=_UNKNOWN)


def _manners() -> str:
    return "\n".join(
        _MANNER.substitute(manner=manner, words=words, checked=" checked" if manner is Manner.PROMPT else "")
        for manner, words in _MANNERS.items()
    )
