"""Zstandard streams in archives: several frames, and hostile ones."""

import pytest
import zstandard
from archive_files import NOISE, build_tar, message_of, read_archive, tar_member

from mediafp.ingest.archives import streams, zstd
from mediafp.types.errors import CorruptMedia, TooLargeMedia, UnsupportedMedia

SKIPPABLE = b"\x5d\x2a\x4d\x18\x05\x00\x00\x00words"
TAR = build_tar(tar_member("照片/a.jpg", NOISE), tar_member("b.png", b"x" * 5_000_000))
CONTENTS = {"照片/a.jpg": NOISE, "b.png": b"x" * 5_000_000}


def compress(data: bytes, **settings: object) -> bytes:
    return zstandard.ZstdCompressor(**settings).compress(data)


def test_frames_and_skippable_frames_are_read_in_order() -> None:
    frames = [compress(TAR[:1000]), SKIPPABLE, compress(b""), compress(TAR[1000:], write_checksum=True), SKIPPABLE]
    for data in (compress(TAR), b"".join(frames), SKIPPABLE + b"".join(frames)):
        for name in ("a.tar.zst", "a.tzst"):
            assert read_archive(data, name) == (CONTENTS, None)


def test_damaged_and_truncated_streams_are_corrupt() -> None:
    data = compress(TAR, write_checksum=True)
    contents, error = read_archive(data[:-3], "a.tar.zst")
    assert contents == CONTENTS and isinstance(error, CorruptMedia) and "truncated" in message_of(error)
    flipped = bytearray(data)
    flipped[-1] ^= 1
    _, error = read_archive(bytes(flipped), "a.tar.zst")
    assert isinstance(error, CorruptMedia) and "checksum" in message_of(error)
    _, error = read_archive(data[:200_000] + b"\xff" * 50_000, "a.tar.zst")
    assert isinstance(error, CorruptMedia)


def test_bomb_is_too_large_and_decompressed_in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "RATIO_FREE_BYTES", 1 << 20)
    bomb = compress(build_tar(tar_member("a.bmp", bytes(80 << 20))), level=19)
    assert len(bomb) < 10_000
    stream = zstd.ZstdStream()
    assert len(stream.decompress(bomb, 1 << 18)) <= 1 << 18 and not stream.needs_input
    assert len(stream._output) <= 16 << 20
    contents, error = read_archive(bomb, "a.tar.zst")
    assert isinstance(contents["a.bmp"], TooLargeMedia) and isinstance(error, TooLargeMedia)


def test_frame_that_asks_for_much_memory_or_a_dictionary_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = compressor.compress(TAR) + compressor.flush()
    contents, error = read_archive(data, "a.tar.zst")
    assert contents == {} and isinstance(error, TooLargeMedia) and "128 MiB" in message_of(error)
    dictionary = zstandard.ZstdCompressionDict(NOISE[:5000], dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    trained = zstandard.train_dictionary(2_000, [NOISE[at : at + 50] * 3 for at in range(0, 50_000, 50)])
    assert dictionary.dict_id() == 0
    contents, error = read_archive(compress(TAR, dict_data=trained), "a.tar.zst")
    assert contents == {} and isinstance(error, UnsupportedMedia) and "dictionary" in message_of(error)
