"""Version of mediafp."""

__version__ = "0.8.0"
