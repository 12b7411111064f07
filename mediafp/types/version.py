"""Version of mediafp."""

__version__ = "0.11.0"
