"""Traces: what every PE and every port did when, as slices of time that sum up to the layer's accounts."""
