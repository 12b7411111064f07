"""Version of mediafp."""

__version__ = "0.15.0"
