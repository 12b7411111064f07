"""Version of mediafp."""

__version__ = "0.4.0"
