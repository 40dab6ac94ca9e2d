"""Contracts that every network has."""
