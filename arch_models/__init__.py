"""Shipped architecture descriptions (``*.yaml``) and energy tables (``energy/*.yaml``)."""
