"""What a file is, told by its first bytes and never by its name."""

from mediafp.media import Kind

HEAD = 4096
"""Bytes that are looked at."""
PICTURE_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
TS_PACKET = 188


def kind_of(head: bytes) -> Kind | None:
    """Picture, video (sound files are videos without pictures), or None for what is not media."""
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")):
        return "image"
    if head[4:8] == b"ftyp":
        return "image" if head[8:12] in PICTURE_BRANDS else "video"
    if head.startswith(b"RIFF"):
        return {b"WEBP": "image", b"AVI ": "video", b"WAVE": "video"}.get(head[8:12])  # type: ignore[return-value]
    if head.startswith((b"\x1a\x45\xdf\xa3", b"FLV\x01", b"OggS", b"fLaC", b"ID3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")):
        return "video"
    if head.startswith((b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"\x00\x00\x00\x01\x67", b"\x00\x00\x01\x67")):
        return "video"
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "video"
    if len(head) > 2 * TS_PACKET and all(head[n] == 0x47 for n in (0, TS_PACKET, 2 * TS_PACKET)):
        return "video"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x18 != 0x08 and head[1] & 0x06:
        return "video"
    return None


def is_text(head: bytes) -> bool:
    """Whether the bytes are plain text: no control characters but white space."""
    return not any(byte < 32 and byte not in (9, 10, 12, 13) for byte in head)
