"""Shipped networks (``*.yaml``)."""
