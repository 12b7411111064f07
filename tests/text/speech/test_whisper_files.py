"""Whisper folders that are refused before they are loaded, and models of several kinds that are decoded as they need."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_whisper import write_whisper

from mediafp.text.speech import transcriber as whisper_transcriber
from mediafp.text.speech.decoded_windows import DecodedWindow
from mediafp.text.speech.decoding import WindowDecoder
from mediafp.text.speech.language import ChunkLanguage
from mediafp.text.speech.models import ENGLISH_ONLY, SpeechModel, speech_model
from mediafp.text.speech.transcriber import WhisperTranscriber
from mediafp.text.speech.voice_activity import SpeechChunk
from mediafp.text.speech.whisper_files import check_whisper_files
from mediafp.text.speech.windows import DecodingWindow
from mediafp.types import model_files
from mediafp.types.defaults import DEFAULT_MODEL
from mediafp.types.errors import ModelError
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import Transcript

EMITTED = ("<|0.00|>", " Hello there.", "<|1.00|>", "<|1.00|>", " General Kenobi.", "<|2.00|>")


@pytest.fixture(scope="module")
def packaged() -> Path:
    return model_files.model_path(DEFAULT_MODEL).parent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("whisper")

    def make(kind: str) -> Path:
        if not (folder / kind).exists():
            write_whisper(folder / kind, EMITTED, kind=kind, mel_bands=128 if kind == "cantonese" else 80)
        return folder / kind

    return make


def speak(monkeypatch: pytest.MonkeyPatch, *languages: str) -> Audio:
    """Return noise in which 3 seconds of speech are found in each language, at pauses of 4 seconds."""
    chunks = [
        SpeechChunk(start=7 * n * AUDIO_SAMPLE_RATE, end=(7 * n + 3) * AUDIO_SAMPLE_RATE, probability=0.9)
        for n in range(len(languages))
    ]
    found = [ChunkLanguage(likeliest=language, probability=0.9, alternative=None) for language in languages]
    monkeypatch.setattr(whisper_transcriber, "detect_speech", lambda samples, longest: chunks)
    monkeypatch.setattr(whisper_transcriber, "identify_languages", lambda evidence: found)
    # The attention of made models says nothing of the time of their words.
    monkeypatch.setattr(WindowDecoder, "_fill_gaps", lambda self, samples, whole: [whole])
    # Whisper base, by which languages are identified, is not needed.
    monkeypatch.setattr(WhisperTranscriber, "_probe", None)
    monkeypatch.setattr(WhisperTranscriber, "_collect_evidence", lambda self, samples, chunks: [])
    noise = np.random.default_rng(3).normal(0, 1000, 7 * len(languages) * AUDIO_SAMPLE_RATE).astype(np.int16)
    return Audio(samples=noise, start=0.0)


def transcribe(folder: Path, audio: Audio) -> Transcript:
    return WhisperTranscriber(SpeechOptions(model=str(folder), threads=2)).transcribe(audio)


def test_a_model_with_128_bands_and_a_token_of_cantonese_is_asked_for_it_without_a_prompt(
    made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    transcript = transcribe(made("cantonese"), speak(monkeypatch, "yue"))
    # It emits its text behind a prompt of three tokens: a text for a prompt before them would be another one.
    assert [(s.language, s.text) for s in transcript.segments] == [("yue", "Hello there."), ("yue", "General Kenobi.")]
    assert "yue" in check_whisper_files(made("cantonese")).languages


def test_an_english_model_writes_english_and_leaves_the_rest_out(
    made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    english = WhisperTranscriber(SpeechOptions(model=str(made("english")), threads=2))
    transcript = english.transcribe(speak(monkeypatch, "en", "zh", "sw", "yue"))
    assert [(s.language, s.text) for s in transcript.segments] == [("en", "Hello there."), ("en", "General Kenobi.")]
    assert transcript.untranscribed_seconds == 9.0 and transcript.speech_seconds == 12.0
    assert english.model.languages == ENGLISH_ONLY and english.rank(transcript) == 0
    assert english.rank(english.transcribe(speak(monkeypatch, "en"))) == english.model.rank > 0


def test_english_distil_models_are_known_by_name_and_chinese_ones_are_not(packaged: Path, tmp_path: Path) -> None:
    for name, expected in (("faster-distil-whisper-large-v3", ENGLISH_ONLY), ("Belle-distilwhisper-large-v2-zh", None)):
        shutil.copytree(packaged, tmp_path / name, copy_function=lambda a, b: Path(b).symlink_to(a))
        model = speech_model(str(tmp_path / name))
        assert model.can_decode("en") and model.can_decode("yue") == (expected is None)
        assert model.relative_cost == 1.0
        assert model.rank == speech_model().rank, "the rank is that of the weights, whatever the folder is called"


def test_a_folder_with_the_name_of_the_packaged_model_does_not_identify_languages(
    made: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made("cantonese"), tmp_path / DEFAULT_MODEL)
    transcriber = WhisperTranscriber(SpeechOptions(model=str(tmp_path / DEFAULT_MODEL), threads=2))
    loaded: list[Path | None] = []
    monkeypatch.setattr(whisper_transcriber, "load_whisper", lambda model, threads: loaded.append(model.folder))
    assert transcriber._probe is None and loaded == [None]


def test_the_version_names_the_weights_and_the_files_beside_them(packaged: Path, tmp_path: Path) -> None:
    shutil.copytree(packaged, tmp_path / "a", copy_function=lambda a, b: Path(b).symlink_to(a))
    first = speech_model(str(tmp_path / "a"))
    assert first.version.startswith(speech_model().version + "+")
    (tmp_path / "a" / "config.json").unlink()
    second = speech_model(str(tmp_path / "a"))
    assert second.sha256 == first.sha256 and second.version != first.version


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("model.bin", None, "model.bin is missing"),
        ("tokenizer.json", None, "tokenizer.json is missing"),
        ("vocabulary.txt", None, "vocabulary.json is missing"),
        ("model.bin", b"weights", "no Whisper model in the format of CTranslate2"),
        ("model.bin", 5_000_000, "incomplete; fetch it again"),
        ("model.bin", b"\x06\0\0\0\x0c\0WhisperSpec\0\x03\0\0\0\xff\xff\xff\xff", "states 4294967295 weights"),
        ("model.bin", b"\x06\0\0\0\x0c\0WhisperSpec\0\x03\0\0\0\0\0\0\0\0\0\0\0", "does not contain the weights"),
        ("vocabulary.txt", b"a\nb\n", "has 2 tokens, and model.bin has 51865"),
        ("vocabulary.txt", b"\xff" * 9, "invalid start byte"),
        ("config.json", b"[" * 100_000, "config.json is not valid JSON"),
        ("config.json", b"[]", "config.json is not an object"),
        ("config.json", b" " * (5 << 20), "config.json has more than 4 MiB"),
        ("tokenizer.json", b"{", "tokenizer.json is not valid JSON"),
        ("tokenizer.json", b'{"model": {"vocab": ["a"]}}', "not of the form of a Whisper tokenizer"),
        ("tokenizer.json", b" " * (65 << 20), "tokenizer.json has more than 64 MiB"),
    ],
)
def test_a_folder_that_cannot_give_right_text_is_refused_by_name(
    packaged: Path, tmp_path: Path, file: str, content: bytes | int | None, reason: str
) -> None:
    for path in packaged.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / file).unlink()
    if isinstance(content, int):
        with (packaged / file).open("rb") as whole:
            content = whole.read(content)
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(ModelError, match=reason) as refused:
        speech_model(str(tmp_path))
    assert str(tmp_path) in str(refused.value) and "converted for CTranslate2" in str(refused.value)


def test_a_tokenizer_of_another_model_is_refused(made: Callable[[str], Path], packaged: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    shutil.copytree(made("cantonese"), folder)
    shutil.copy(packaged / "tokenizer.json", folder)
    with pytest.raises(ModelError, match="of different models"):
        speech_model(str(folder))
    tokenizer = json.loads((made("cantonese") / "tokenizer.json").read_text())
    tokenizer["added_tokens"] = [t for t in tokenizer["added_tokens"] if t["content"] != "<|notimestamps|>"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match=r"has no token <\|notimestamps\|>"):
        speech_model(str(folder))


def test_weights_that_do_not_load_are_an_error_of_the_model(
    made: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "changed"
    shutil.copytree(made("english"), folder)
    audio = speak(monkeypatch, "en")
    transcriber = WhisperTranscriber(SpeechOptions(model=str(folder), threads=1))
    content = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(content.replace(b"decoder/layer_norm/gamma", b"decoder/layer_norm/gomma"))
    with pytest.raises(ModelError, match="cannot load the speech model from"):
        transcriber.transcribe(audio)
    narrow = struct.pack("<BIIB", 2, 64, 192, 0), struct.pack("<BIIB", 2, 192, 64, 0)
    assert narrow[1] in content
    (folder / "model.bin").write_bytes(content.replace(narrow[1], narrow[0]))
    with pytest.raises(ModelError, match="cannot transcribe with the speech model in"):
        WhisperTranscriber(SpeechOptions(model=str(folder), threads=1)).transcribe(audio)


def test_an_unknown_name_lists_what_may_be_named() -> None:
    with pytest.raises(ModelError, match="no model and no folder has this name; choose one of tiny, base"):
        speech_model("no-such-model")
    with pytest.raises(ModelError, match="downloads nothing"):
        speech_model("no/such-model")


def test_cantonese_and_unsure_speech_are_decoded_by_what_knows_mandarin() -> None:
    def model(languages: frozenset[str] | None) -> SpeechModel:
        return SpeechModel(name="a", sha256="b", size="base", languages=languages)

    assert all(model(None).can_decode(language) for language in ("yue", "und", "sw"))
    assert all(model(frozenset(("zh", "en"))).can_decode(language) for language in ("zh", "yue", "und", "en"))
    assert not model(frozenset(("zh", "en"))).can_decode("sw") and not model(ENGLISH_ONLY).can_decode("und")


def test_a_text_does_not_end_at_its_beginning() -> None:
    """Some fine-tuned models end every text with the token of 0.00 s."""
    first_time = 100

    class FakeTokenizer:
        def token_to_id(self, token: str) -> int:
            return {"<|notimestamps|>": first_time - 1, "<|endoftext|>": 90}[token]

        def decode(self, tokens: list[int]) -> str:
            return "字" * len(tokens)

    decoder = WindowDecoder(SimpleNamespace(hf_tokenizer=FakeTokenizer()), "")  # type: ignore[arg-type]

    def end_seconds(*tokens: int) -> float | None:
        window = DecodingWindow(
            chunks=(SpeechChunk(start=0, end=AUDIO_SAMPLE_RATE, probability=0.9),), language="zh", probability=0.9
        )
        return decoder.end_seconds(
            DecodedWindow(
                window=window,
                tokens=list(tokens),
                logprob=-0.1,
                truncated=False,
                states=np.zeros((1, 0, 8), np.float32),
                is_prompted=False,
            )
        )

    assert end_seconds(first_time, *[5] * 40, first_time) is None
    assert end_seconds(first_time, 5, 5, first_time) == 0.0
    # The loop of a decoder ends early, and the speech after it is decoded again.
    assert end_seconds(first_time, *[5] * 40, first_time + 50) == pytest.approx(1.0)
    assert end_seconds(first_time, *[5] * 40, first_time + 500) == pytest.approx(10.0)
    assert end_seconds(first_time, *[5] * 40) is None and end_seconds() == 0.0
