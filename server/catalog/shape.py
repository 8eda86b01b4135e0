"""Products and merchants as the page sees them."""

from __future__ import annotations

from typing import Any

from server.catalog.model import Merchant, Product


def product_shape(product: Product) -> dict[str, Any]:
    """`Product`"""
    return {
        "id": product.id,
        "merchant_id": product.merchant_id,
        "merchant_name": product.merchant_name,
        "name": product.name,
        "description": product.description,
        "price_fen": product.price_fen,
        "unit": product.unit,
        "origin": product.origin,
        "stock": product.for_sale,
        "picture_url": product.picture_url,
        "report_url": product.report_url,
        "withdrawn": product.is_withdrawn,
    }


def own_product_shape(product: Product) -> dict[str, Any]:
    """`OwnProduct`"""
    return {**product_shape(product), "stock": product.stock}


def merchant_shape(merchant: Merchant) -> dict[str, Any]:
    """`Merchant`"""
    return {"id": merchant.id, "name": merchant.name, "summary": merchant.summary}
