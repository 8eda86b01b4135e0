"""Alipay: its page for phones, elsewhere its page for computers."""
