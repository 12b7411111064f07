"""SenseVoice: text, languages, times and sentences of made models, and folders that it refuses."""

from pathlib import Path

import numpy as np
import pytest
from made_sense_voice import require_sherpa, write_sense_voice

from mediafp.text.speech import sense_voice, sense_voice_model
from mediafp.text.speech.hub_cache import CachedRepository
from mediafp.text.speech.sense_voice import build_segments
from mediafp.text.speech.sense_voice_model import RecognisedSpeech
from mediafp.text.speech.sense_voice_tokens import read_token_table
from mediafp.text.speech.transcribers import Transcriber, get_transcriber
from mediafp.text.speech.voice_activity import SpeechChunk
from mediafp.text.speech.windows import DecodingWindow
from mediafp.types.errors import ModelError, UsageError
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.tokens import tokenise

SENTENCES = [(0.6, "今"), (0.84, "天"), (1.08, "。"), (2.1, "▁good"), (2.4, "▁news"), (2.7, ".")]


def transcriber_of(folder: Path, **options: object) -> Transcriber:
    return get_transcriber(SpeechOptions(model=f"sensevoice:{folder}", **options))  # type: ignore[arg-type]


def speak(monkeypatch: pytest.MonkeyPatch, *spans: tuple[float, float]) -> Audio:
    """Return noise in which speech is found at some spans of seconds."""
    chunks = [SpeechChunk(start=round(a * 16000), end=round(b * 16000), probability=0.9) for a, b in spans]
    monkeypatch.setattr(sense_voice, "detect_speech", lambda samples, longest: chunks)
    samples = np.random.default_rng(5).normal(0, 2000, round((spans[-1][1] + 1) * AUDIO_SAMPLE_RATE))
    return Audio(samples=samples.astype(np.int16), start=3.0)


def test_sense_voice_gives_sentences_with_language_and_times_of_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_sherpa()
    transcriber = transcriber_of(write_sense_voice(tmp_path / "m", SENTENCES, language="yue"), threads=2)
    shares: list[float] = []
    transcript = transcriber.transcribe(speak(monkeypatch, (1.0, 4.5)), on_progress=shares.append)
    first, second = transcript.segments
    assert (first.text, second.text) == ("今天。", "good news.")
    assert first.language == second.language == "yue" and first.language_probability > 0.9
    # The sound begins at 3.0 s of its file, and its times do not.
    assert first.start == 1.0 and second.start == pytest.approx(3.1, abs=0.07) and second.end == 4.5
    for segment in transcript.segments:
        assert len(segment.token_times) == len(tokenise(segment.text)) and segment.token_probabilities == ()
        assert all(segment.start <= a <= b <= segment.end for a, b in segment.token_times)
    assert [a for a, _ in first.token_times] == pytest.approx([1.6, 1.84], abs=0.07)
    assert shares[-1] == 1.0 and shares == sorted(shares)
    assert transcript.model == "sensevoice:m" and transcript.untranscribed_seconds == 0
    assert transcriber.version.startswith("sensevoice-1+") and transcript.version == transcriber.version
    assert transcriber.rank(transcript) > 8 and transcriber.concurrency == 2


def test_chunks_in_one_language_are_recognised_together_and_others_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_sherpa()
    transcriber = transcriber_of(write_sense_voice(tmp_path / "m", SENTENCES), threads=2)
    audio = speak(monkeypatch, (0.5, 2.0), (2.4, 4.0), (9.0, 12.0), (20.0, 22.0))
    transcript = transcriber.transcribe(audio)
    # The first two chunks are one window of 3.1 s; the model emits its text once a window.
    assert [segment.text for segment in transcript.segments] == ["今天。", "good news."] * 2 + ["今天。"]
    # The second sentence begins at the pause between the two chunks, or behind it.
    assert transcript.segments[1].start >= 2.0 and transcript.segments[1].end == 4.0


def test_languages_change_between_chunks_and_a_short_chunk_has_that_of_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_sherpa()
    spans = ((0.0, 3.0), (3.4, 3.8), (4.2, 7.0), (7.4, 10.4), (10.8, 14.0))
    tags = iter(("zh", "ko", "zh", "yue", "en", "zh"))
    lengths: list[float] = []

    class FakeRecogniser:
        def __init__(self, model: object) -> None: ...

        def recognise(self, samples: np.ndarray) -> RecognisedSpeech:
            lengths.append(len(samples) / AUDIO_SAMPLE_RATE)
            return RecognisedSpeech(language=next(tags), texts=("好",), starts=(0.1,), is_incomplete=False)

    monkeypatch.setattr(sense_voice, "Recogniser", FakeRecogniser)
    transcriber = transcriber_of(write_sense_voice(tmp_path / "m", SENTENCES), threads=1)
    transcript = transcriber.transcribe(speak(monkeypatch, *spans))
    assert [(s.language, s.start, s.end) for s in transcript.segments] == [
        ("zh", 0.0, 7.0),
        ("yue", 7.4, 10.4),
        ("en", 10.8, 14.0),
    ]
    # Each chunk for its language, and the three Mandarin ones together, with their pauses.
    assert lengths == pytest.approx([3.0, 0.4, 2.8, 3.0, 3.2, 7.0])


def test_times_leap_over_the_pauses_that_a_window_leaves_out() -> None:
    chunks = (SpeechChunk(start=0, end=16000, probability=0.9), SpeechChunk(start=48000, end=64000, probability=0.9))
    window = DecodingWindow(chunks=chunks, language="zh", probability=0.9)
    recognised = RecognisedSpeech(
        language="zh", texts=("你", "好", "再", "见"), starts=(0.1, 0.4, 1.1, 1.5), is_incomplete=False
    )
    segments = build_segments(window, recognised)
    assert [(s.text, s.start, s.end) for s in segments] == [("你好", 0.0, 1.0), ("再见", 3.0, 4.0)]
    times = [time for segment in segments for time in segment.token_times]
    assert [start for start, _ in times] == pytest.approx([0.1, 0.4, 3.1, 3.5])
    assert times[1][1] <= 1.0 and times[-1][1] == 4.0


def test_a_language_that_the_model_states_twice_differently_is_uncertain() -> None:
    window = DecodingWindow(chunks=(SpeechChunk(start=0, end=32000, probability=0.4),), language="zh", probability=0.9)
    recognised = RecognisedSpeech(language="ko", texts=("네",), starts=(0.2,), is_incomplete=True)
    (segment,) = build_segments(window, recognised)
    assert (segment.language, segment.language_probability) == ("und", 0.5)
    assert set(segment.flags) == {"low_confidence", "faint_voice"}
    unstated = RecognisedSpeech(language=None, texts=("对",), starts=(0.2,), is_incomplete=False)
    assert build_segments(window, unstated)[0].language == "zh"


def test_true_repetition_is_kept_and_not_flagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_sherpa()
    emitted = [(0.3 + 1.5 * n + 0.24 * k, piece) for n in range(6) for k, piece in enumerate("加油。")]
    transcript = transcriber_of(write_sense_voice(tmp_path / "m", emitted)).transcribe(speak(monkeypatch, (0.0, 10.0)))
    assert [segment.text for segment in transcript.segments] == ["加油。"] * 6
    assert not any(segment.flags for segment in transcript.segments)


def test_speech_without_text_is_counted_as_untranscribed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_sherpa()
    transcript = transcriber_of(write_sense_voice(tmp_path / "m", [], language="nospeech")).transcribe(
        speak(monkeypatch, (0.0, 2.0))
    )
    assert transcript.segments == () and transcript.untranscribed_seconds == transcript.speech_seconds == 2.0


def test_silence_loads_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_sherpa()
    transcriber = transcriber_of(write_sense_voice(tmp_path / "m", SENTENCES))
    monkeypatch.setattr(sense_voice, "Recogniser", None)
    assert transcriber.transcribe(Audio(samples=np.zeros(16000, np.int16), start=0.0)).segments == ()


def test_bytes_are_put_together_and_tags_left_out(tmp_path: Path) -> None:
    (tmp_path / "tokens.txt").write_text(
        "<unk> 0\n<0xE4> 1\n<0xBD> 2\n<0xA0> 3\n▁a 4\n<|BGM|> 5\n6\n\u3000 7\n", "utf-8"
    )
    table = read_token_table(tmp_path / "tokens.txt")
    assert len(table) == 8 and table.tag(5) == "BGM" and table.tag(4) is None
    assert table.pieces([4, 1, 2, 3, 5, 0, 6, 7]) == [(0, " a"), (1, "你"), (6, " "), (7, "\u3000")]
    assert table.pieces([1, 4]) == [(0, "\ufffd"), (1, " a")]


@pytest.mark.parametrize(
    ("tokens", "reason"),
    [
        ("a 0\nb c 1\n", "line 2 is not"),
        ("a 0\nb -1\n", "line 2 is not"),
        ("a 0\nb 0\n", "the number 0 again"),
        ("a 0\nb 2\n", "not 0, 1, 2"),
        ("", "not 0, 1, 2"),
        ("a 0\n" * (3 << 20), "8 MiB"),
    ],
)
def test_malformed_tokens_are_refused(tmp_path: Path, tokens: str, reason: str) -> None:
    (tmp_path / "tokens.txt").write_text(tokens)
    with pytest.raises(ValueError, match=reason):
        read_token_table(tmp_path / "tokens.txt")


def test_what_would_end_the_process_or_give_no_text_is_refused_at_the_start(tmp_path: Path) -> None:
    require_sherpa()
    cases: dict[str, dict[str, str | None]] = {
        "lfr_window_size": {"lfr_window_size": None},
        "lang_yue": {"lang_yue": "x"},
        "neg_mean": {"neg_mean": "1,2"},
        "inv_stddev": {"inv_stddev": ",".join(["nan"] * 560)},
        "another type": {"comment": "Fun-ASR-Nano"},
        "tokens.txt has": {"vocab_size": "3"},
        "impossible steps": {"lfr_window_shift": "9"},
        "impossible blank_id": {"blank_id": "99"},
    }
    for n, (reason, metadata) in enumerate(cases.items()):
        folder = write_sense_voice(tmp_path / str(n), SENTENCES, metadata=metadata)
        with pytest.raises(ModelError, match=reason) as refused:
            transcriber_of(folder)
        assert str(folder) in str(refused.value) and "sherpa-onnx" in str(refused.value)
    wrong = write_sense_voice(tmp_path / "logits", SENTENCES, logits_extra=-2)
    with pytest.raises(ModelError, match="the output of"):
        transcriber_of(wrong)
    (wrong / "model.onnx").write_bytes(b"\x08\x07junk")
    with pytest.raises(ModelError, match=r"does not read model\.onnx"):
        transcriber_of(wrong)
    (wrong / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx are missing"):
        transcriber_of(wrong)
    with pytest.raises(ModelError, match="no such folder"):
        transcriber_of(tmp_path / "nowhere")


def test_text_without_tags_before_it_is_an_error_and_no_empty_transcript(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_sherpa()
    audio = speak(monkeypatch, (0.0, 2.0))
    untagged = write_sense_voice(tmp_path / "a", SENTENCES, prefix=("今", "天", "。", "▁x"))
    with pytest.raises(ModelError, match="does not begin with a tag of the language"):
        transcriber_of(untagged).transcribe(audio)
    silent = write_sense_voice(tmp_path / "b", [], prefix=("<|zh|>",))
    with pytest.raises(ModelError, match="returned nothing"):
        transcriber_of(silent).transcribe(audio)


def test_words_in_the_place_of_other_tags_are_kept_and_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_sherpa()
    folder = write_sense_voice(tmp_path / "m", SENTENCES[:3], prefix=("<|zh|>", "<|NEUTRAL|>", "昨", "<|withitn|>"))
    (segment,) = transcriber_of(folder).transcribe(speak(monkeypatch, (0.0, 2.0))).segments
    assert segment.text == "昨今天。" and segment.flags == ("low_confidence",)


def test_the_smaller_of_two_models_is_used_and_the_version_names_it(tmp_path: Path) -> None:
    require_sherpa()
    folder = write_sense_voice(tmp_path / "m", SENTENCES)
    large = transcriber_of(folder).version
    get_transcriber.cache_clear()
    (folder / "model.int8.onnx").write_bytes((folder / "model.onnx").read_bytes() + b"")
    write_sense_voice(tmp_path / "n", SENTENCES[:4], file="model.int8.onnx")
    small = transcriber_of(tmp_path / "n").version
    assert transcriber_of(folder).version == large and small != large


def test_without_the_extra_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sense_voice_model, "has_sherpa", lambda: False)
    with pytest.raises(ModelError, match=r"pip install 'mediafp\[sensevoice\]'"):
        transcriber_of(tmp_path / "without")


def test_hotwords_are_refused_since_sense_voice_has_no_use_for_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="omit --hotwords"):
        transcriber_of(tmp_path / "hotwords", hotwords=("Milo Guo",))


def test_without_a_folder_the_model_in_the_cache_of_the_hub_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_sherpa()
    monkeypatch.setattr(sense_voice_model, "cached_sense_voice", lambda: [])
    with pytest.raises(ModelError, match="sensevoice:FOLDER"):
        sense_voice_model.sense_voice_model("sensevoice")
    folder = write_sense_voice(tmp_path / "m", SENTENCES)
    cached = CachedRepository(name="someone/sense-voice", revision="abc", folder=folder)
    monkeypatch.setattr(sense_voice_model, "cached_sense_voice", lambda: [cached])
    for name in ("sensevoice", "sensevoice:someone/sense-voice"):
        assert sense_voice_model.sense_voice_model(name).model_file == folder / "model.onnx"
