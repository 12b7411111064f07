"""The OCR models without rapidocr's engine, compared with it."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from processes import PATIENCE_SECONDS

from mediafp.text.ocr.detection import MAX_INPUT_SIDE, TextDetector
from mediafp.text.ocr.reader import DETECTION_MODEL, RECOGNITION_MODEL
from mediafp.text.ocr.recognition import TextRecogniser
from mediafp.text.ocr.rectify import rectify_line
from mediafp.types import model_files

RAPIDOCR = """
import json, sys
import cv2, numpy as np
from rapidocr import RapidOCR

cv2.setNumThreads(1)
detection, recognition, side, folder = sys.argv[1:]
engine = RapidOCR(params={
    "Global.log_level": "critical", "Global.text_score": 0.0, "Global.min_side_len": 1,
    "Global.use_vertical_padding": False, "Global.max_side_len": int(side),
    "EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "Det.limit_type": "max", "Det.limit_side_len": int(side),
    "Det.model_path": detection, "Rec.model_path": recognition,
})
results = {}
with np.load(f"{folder}/images.npz") as images:
    for name, image in images.items():
        boxes = engine(image, use_det=True, use_cls=False, use_rec=False).boxes
        results[name] = [] if boxes is None else np.asarray(boxes).tolist()
with np.load(f"{folder}/strips.npz") as strips:
    read = engine.recognize_txt(list(strips.values()))
print(json.dumps({"quads": results, "texts": list(zip(read.txts, read.scores))}))
"""
"""A process of its own: rapidocr's lists of models load with warnings that are errors in this one."""


@pytest.fixture(scope="module")
def images(photos: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Photographs with text of several sizes, an image without text, and one that is larger than the model's input."""
    drawn = {}
    for n, name in enumerate(("portrait", "temple", "coffee")):
        image = Image.fromarray(photos[name])
        draw = ImageDraw.Draw(image)
        for line, size in enumerate((14, 22, 40)):
            draw.text(
                (10 + 30 * line, 20 + 90 * line), f"@sample_user{n} SEEN {size}", "white", ImageFont.load_default(size)
            )
        drawn[name] = np.asarray(image)
    drawn["plain"] = photos["cat"]
    drawn["tall"] = cv2.resize(drawn["portrait"], (640, MAX_INPUT_SIDE + 200))
    drawn["thin"] = np.full((12, 300, 3), 255, np.uint8)
    return {name: np.ascontiguousarray(image[:, :, ::-1]) for name, image in drawn.items()}


def test_models_give_the_quads_and_texts_of_rapidocr(images: dict[str, np.ndarray], tmp_path: Path) -> None:
    """Stored OCR results name the version of rapidocr: they must stay the same, bit for bit."""
    detection, recognition = (model_files.model_path(name) for name in (DETECTION_MODEL, RECOGNITION_MODEL))
    detector = TextDetector(detection)
    quads = {name: detector.detect(image) for name, image in images.items()}
    strips = [rectify_line(images[name], quad) for name, found in quads.items() for quad in found]
    assert len(strips) >= 9 and not len(quads["thin"])
    np.savez(tmp_path / "images.npz", **images)
    np.savez(tmp_path / "strips.npz", *strips)
    command = [sys.executable, "-c", RAPIDOCR, str(detection), str(recognition), str(MAX_INPUT_SIDE), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    expected = json.loads(done.stdout.splitlines()[-1])
    assert {name: found.tolist() for name, found in quads.items()} == expected["quads"]
    assert [list(reading) for reading in TextRecogniser(recognition).recognise(strips)] == expected["texts"]


def test_recognise_returns_nothing_for_no_strips() -> None:
    assert TextRecogniser(model_files.model_path(RECOGNITION_MODEL)).recognise([]) == []
