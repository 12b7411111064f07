"""Version of mediafp."""

__version__ = "0.3.0"
