"""Flash sales: a batch of stock at a price for a while."""
