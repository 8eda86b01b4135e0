"""Coupons that a host drops in his room, and what they take off an order."""
