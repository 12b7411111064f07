"""Version of mediafp."""

__version__ = "0.6.0"
