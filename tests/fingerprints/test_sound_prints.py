"""Sign prints and codes of sounds."""

import numpy as np
import pytest
from sound_samples import audio, hum, noise, voice

from mediafp.fingerprints import sound_prints
from mediafp.fingerprints.sound_codes import SoundCodes
from mediafp.fingerprints.sound_prints import SoundPrints, compute_prints
from mediafp.matching.sounds.side import SoundSide
from mediafp.types.sound_prints import HOP_SAMPLES, PRINT_BITS, ROW_SECONDS, VALID_BIT, unpack_rows

SPEECH = voice(1, 12)


@pytest.mark.parametrize(
    "samples", [np.zeros(80_000, np.int16), hum(5), noise(1, 5, 1e-4)], ids=["silence", "hum", "dither"]
)
def test_what_does_not_sound_has_no_rows(samples: np.ndarray) -> None:
    # The onset and the end of a hum change, and are sound.
    middle = [span for span in SoundPrints().extract(audio(samples)).spans if span[0] > 1.5 and span[1] < 4]
    assert not middle


def test_no_samples_have_no_rows() -> None:
    rows = SoundPrints().extract(audio(np.empty(0, np.int16)))
    assert rows.vectors.shape == (0, 128) and rows.spans.shape == (0, 2)
    assert SoundCodes().extract(audio(SPEECH[:1000])).vectors.shape == (0, 64)


def test_rows_lie_on_the_clock_of_the_file() -> None:
    rows, later = SoundPrints().extract(audio(SPEECH)), SoundPrints().extract(audio(SPEECH, 7.25))
    assert (rows.vectors == later.vectors).all()
    assert later.spans - rows.spans == pytest.approx(7.25)
    assert rows.spans[-1, 1] == pytest.approx(len(SPEECH) / 16_000)


def test_rows_around_silence_keep_their_times() -> None:
    samples = np.concatenate([SPEECH, np.zeros(20 * 16_000, np.int16), SPEECH])
    rows = SoundPrints().extract(audio(samples, -3.0))
    prints, start = unpack_rows(rows.spans, rows.vectors)
    assert start == -3.0 and len(rows.vectors) * ROW_SECONDS < 26
    expected = compute_prints(samples)
    assert (prints[: len(expected)] == expected[: len(prints)]).all()


def test_prints_do_not_depend_on_the_blocks_they_are_computed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compute_prints(SPEECH)
    monkeypatch.setattr(sound_prints, "BLOCK_PRINTS", 7)
    differing = np.bitwise_count((compute_prints(SPEECH) ^ whole) & np.uint64(VALID_BIT - 1))
    assert differing.sum() <= 2  # sums of floats in another order


def test_a_print_describes_the_middle_of_its_hop() -> None:
    shifted = compute_prints(SPEECH[5 * HOP_SAMPLES :])
    whole = compute_prints(SPEECH)[5:]
    assert (shifted[4:-4] == whole[4:-4]).mean() > 0.99


def test_a_higher_pitch_shifts_the_bits() -> None:
    low, high = compute_prints(SPEECH), compute_prints(voice(1, 12, pitch=2 ** (2 / 16)))
    mask = np.uint64((1 << (PRINT_BITS - 2)) - 1)
    shares = [1 - np.bitwise_count(((high >> np.uint64(by)) ^ low) & mask).mean() / (PRINT_BITS - 2) for by in (0, 2)]
    assert shares[1] > 0.75 and shares[1] - shares[0] > 0.2


def test_stored_codes_are_those_of_the_prints() -> None:
    samples = np.concatenate([SPEECH, np.zeros(6 * 16_000, np.int16), SPEECH])
    prints, codes = SoundPrints().extract(audio(samples)), SoundCodes().extract(audio(samples))
    side = SoundSide(prints.spans, prints.vectors)
    kept = {code.tobytes() for code in side.stored_codes.codes}
    assert len(codes.vectors) >= 20 and {code.tobytes() for code in codes.vectors} == kept
    assert ((codes.quality >= 0.5) & (codes.quality <= 1)).all()


def test_rows_with_wrong_spans_take_no_memory() -> None:
    rows = SoundPrints().extract(audio(SPEECH))
    spans = rows.spans.copy()
    spans[-1] = (1e12, 1e12)
    prints, _ = unpack_rows(spans, rows.vectors)
    assert len(prints) == 16 * (len(spans) - 1)
