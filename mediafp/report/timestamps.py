"""Times as people read them."""


def format_time(seconds: float) -> str:
    """Return a time as minutes and seconds, `1:02.5`."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"
