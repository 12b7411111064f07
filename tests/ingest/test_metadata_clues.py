"""Metadata of images and videos give clues; damaged and hostile metadata give none, and raise nothing."""

import io
import json
import random
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from mediafp.ingest.container_boxes import box_clues
from mediafp.ingest.content_credentials import manifest_clues
from mediafp.ingest.files import open_file
from mediafp.ingest.images import read_image
from mediafp.ingest.metadata_clues import stated_time, xmp_clues
from mediafp.ingest.open_media import open_media
from mediafp.ingest.video_clues import handler_clues, tag_clues
from mediafp.types.contents import CLUE_CHARS, check_asset, check_clue
from mediafp.types.media import Asset
from mediafp.types.pages import Page
from mediafp.types.sightings import Clue

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmp:CreatorTool="Adobe Photoshop 22.1 (Windows)"
 xmpMM:OriginalDocumentID="xmp.did:0a1b"><xmpMM:DocumentID>adobe:docid:photoshop:1</xmpMM:DocumentID>
 <rdf:li stEvt:softwareAgent="Adobe Lightroom 9"/></rdf:Description></x:xmpmeta>"""


def noise(width: int = 96, height: int = 72) -> Image.Image:
    """Return an image with coarse structure."""
    pixels = np.random.default_rng(3).integers(0, 256, (9, 12, 3), np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, **options: object) -> bytes:
    """Return an image as JPEG."""
    image.save(file := io.BytesIO(), "JPEG", quality=90, **options)
    return file.getvalue()


def image_values(path: Path, data: bytes) -> dict[str, list[str]]:
    """Return the values of the clues in an image by kind."""
    path.write_bytes(data)
    return by_kind(read_image(open_file(path)).clues)


def by_kind(clues: list[Clue]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for clue in clues:
        check_clue(clue)
        found.setdefault(clue.kind, []).append(clue.value)
    return found


def with_segment(data: bytes, marker: int, content: bytes) -> bytes:
    """Return a JPEG with a segment after its first marker."""
    return data[:2] + struct.pack(">HH", marker, len(content) + 2) + content + data[2:]


def with_thumbnail(picture: Image.Image, thumbnail: Image.Image) -> bytes:
    """Return a JPEG with a thumbnail in its EXIF data; Pillow writes none."""
    small = jpeg(thumbnail)
    head = struct.pack(
        "<2sHIHHHIIIHHHIHHHHIIHHIII", b"II", 42, 8, 1, 0x112, 3, 1, 1, 26, 3, 0x103, 3, 1, 6, 0, 0x201, 4, 1, 68, 0x202, 4, 1,
        len(small), 0,
    )  # fmt: skip
    return jpeg(picture, exif=b"Exif\0\0" + head + small)


def test_exif_gives_time_device_software_and_place(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x10F], exif[0x110], exif[0x131] = "HUAWEI", "HUAWEI P30", "Adobe Photoshop 22.1\0"
    photo, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    photo[0x9003], photo[0x9011] = "2020:01:31 18:00:00", "+08:00"
    place[1], place[2], place[3], place[4] = "N", (31.0, 13.0, 49.44), "W", (121.0, 28.0, 25.32)
    found = image_values(tmp_path / "a.jpg", jpeg(noise(), exif=exif.tobytes()))
    assert found == {
        "time": ["2020-01-31T10:00:00Z"], "device": ["HUAWEI P30"], "software": ["Adobe Photoshop 22.1"],
        "location": ["31.23040,-121.47370"],
    }  # fmt: skip


def test_the_mark_of_facebook_and_instagram_is_found_in_iptc(tmp_path: Path) -> None:
    sets = b"".join(
        struct.pack(">3BH", 0x1C, 2, kind, len(text)) + text for kind, text in ((103, b"AbC"), (40, b"FBMD01000a"))
    )
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(sets)) + sets + b"\0" * (len(sets) % 2)
    found = image_values(tmp_path / "a.jpg", with_segment(jpeg(noise()), 0xFFED, block))
    assert found["platform"] == ["facebook", "instagram"]
    assert (found["upload_mark"], found["transmission_reference"]) == (["FBMD01000a"], ["AbC"])


def test_xmp_gives_programs_and_documents(tmp_path: Path) -> None:
    expected = {
        "software": ["Adobe Photoshop 22.1 (Windows)", "Adobe Lightroom 9"],
        "document_id": ["xmp.did:0a1b", "adobe:docid:photoshop:1"],
    }
    assert by_kind(xmp_clues(XMP)) == expected
    assert image_values(tmp_path / "a.jpg", jpeg(noise(), xmp=XMP.encode())) == expected


def test_texts_of_png_files_name_their_generator(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a face\nSteps: 20, Sampler: Euler a, Model: real_v5, Size: 64x64")
    noise().save(file := io.BytesIO(), "PNG", pnginfo=texts)
    found = image_values(tmp_path / "a.png", file.getvalue())
    assert (found["software"], found["ai_model"]) == (["Stable Diffusion web UI"], ["real_v5"])


def test_a_manifest_of_c2pa_is_noticed_with_its_program(tmp_path: Path) -> None:
    claim = b"jumb\0\0\0\x1ejumdc2pa\0\x11\0\x10c2pa\0" + b"\x6fclaim_generator\x78\x1bAdobe_Firefly/1.0 c2pa-rs/2"
    claim += b"\x74claim_generator_info\x81\xa2\x64name\x67ChatGPT"
    claim += b"\x71digitalSourceType\x78\x28http://cv.iptc.org/x/trainedAlgorithmic!"
    expected = {"provenance_manifest", "software", "source_type"}
    found = image_values(tmp_path / "a.jpg", with_segment(jpeg(noise()), 0xFFEB, b"JP\0\1\0\0\0\1\0\0\0\x40" + claim))
    assert found.keys() == expected
    assert (found["software"], found["source_type"]) == (
        ["Adobe_Firefly/1.0 c2pa-rs/2", "ChatGPT"],
        ["trainedAlgorithmic!"],
    )
    box = struct.pack(">I4s16s", 24 + len(claim), b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481")) + claim
    chunk = b"C2PA" + struct.pack("<I", len(claim)) + claim
    for data in (struct.pack(">I4s8s", 16, b"ftyp", b"isom") + box, b"RIFF\0\0\0\0WEBPVP8 \1\0\0\0a\0" + chunk):
        assert by_kind(box_clues(io.BytesIO(data))).keys() == expected
    huge = struct.pack(">I4s8sI4sQ", 16, b"ftyp", b"isom", 1, b"free", (1 << 64) - 1)
    assert box_clues(io.BytesIO(huge)) == []
    hostile = manifest_clues(b"claim_generator\x79\xff\xff" * 999 + b"digitalSourceType\x78")
    assert 1 < len(hostile) < 12 and all(len(clue.value) <= CLUE_CHARS for clue in hostile)


@pytest.mark.parametrize("box", [(20, 0, 120, 90), (0, 0, 80, 120), (60, 30, 160, 110)])
def test_a_thumbnail_that_shows_more_than_its_picture_is_a_clue(tmp_path: Path, box: tuple[int, int, int, int]) -> None:
    whole = noise(160, 120)
    left = (box[2] - box[0]) * (box[3] - box[1]) / (160 * 120)
    cut = whole.crop(box).resize(((box[2] - box[0]) * 3, (box[3] - box[1]) * 3), Image.Resampling.BICUBIC)
    found = image_values(tmp_path / "a.jpg", with_thumbnail(cut, whole.resize((80, 60))))
    share = int(found["uncropped"][0].split("%")[0].split()[-1]) / 100
    assert share == pytest.approx(left, abs=0.04)
    assert "more than the picture" in found["embedded_thumbnail"][0]
    media = read_image(open_file(tmp_path / "a.jpg"))
    assert [frame.pixels.shape[:2] for frame in media.frames] == [(cut.height, cut.width), (60, 80)]
    asset = Asset(sha256="0" * 64, kind="image", bytes=1, properties=media.properties)
    check_asset(asset)
    assert asset.size == cut.size and asset.pages[1] == Page(number=2, size=(80, 60), is_thumbnail=True)


def test_thumbnails_of_whole_other_and_plain_pictures_are_none(tmp_path: Path) -> None:
    whole, letterboxed = noise(320, 180), Image.new("RGB", (160, 120))
    letterboxed.paste(whole.resize((160, 90)), (0, 15))
    other = Image.fromarray(np.random.default_rng(9).integers(0, 256, (60, 80, 3), np.uint8))
    grey = Image.new("RGB", (160, 120), (90, 90, 90))
    for picture, thumbnail in (
        (whole, whole.resize((160, 90))), (whole, letterboxed), (whole, whole.resize((158, 91))), (whole, other), (grey, grey),
        (whole, grey), (grey, whole.resize((160, 90))),
    ):  # fmt: skip
        assert image_values(tmp_path / "a.jpg", with_thumbnail(picture, thumbnail)) == {}


def test_tags_of_editors_and_platforms_give_projects_and_platforms() -> None:
    data = {
        "os": "ios",
        "product": "vicut",
        "videoId": "8cBt-1",
        "templateId": "",
        "businessTemplateId": "77",
        "region": "VN",
    }
    found = by_kind(
        tag_clues({"lvmetainfo": json.dumps({"source_type": "vicut", "data": data}), "encoder": "Lavf58.1"})
    )
    assert found == {"software": ["CapCut"], "editor_project": ["8cBt-1"], "editor_template": ["77"], "region": ["VN"]}
    chinese = json.dumps({"data": {"product": "lv", "videoId": "ab"}, "source_type": "douyin_beauty_me"})
    assert by_kind(tag_clues({"comment": chinese}))["software"] == ["JianYing"]
    assert by_kind(tag_clues({"comment": "vid:v0200fg10000ccjhgfrc77u70ck4srd0"})) == {
        "platform": ["douyin", "tiktok"], "media_id": ["v0200fg10000ccjhgfrc77u70ck4srd0"],
    }  # fmt: skip
    assert by_kind(handler_clues("ISO Media file produced by Google Inc. Created on: 05/12/2020.")) == {
        "platform": ["youtube"], "time": ["2020-05-12"],
    }  # fmt: skip


def test_tags_of_devices_and_downloads_give_time_place_and_address() -> None:
    apple = "com.apple.quicktime."
    found = by_kind(
        tag_clues({
            f"{apple}make": "Apple", f"{apple}model": "iPhone 12", f"{apple}location.iso6709": "+31.2304+121.4737+012.000/",
            f"{apple}creationdate": "2020-01-31T18:00:00+0800", "creation_time": "2020-02-01T00:00:00.000000Z",
        })
    )  # fmt: skip
    assert found == {
        "time": ["2020-01-31T10:00:00Z"],
        "device": ["Apple iPhone 12"],
        "location": ["31.23040,121.47370"],
    }
    assert by_kind(tag_clues({"date": "20200131", "comment": "https://youtu.be/x", "encoder": "HandBrake 1.3"})) == {
        "time": ["2020-01-31"], "url": ["https://youtu.be/x"], "software": ["HandBrake 1.3"],
    }  # fmt: skip
    assert tag_clues({"encoder": "Lavf60.16.100", "creation_time": "1904-01-01T00:00:00Z", "location": "+0+0/"}) == []


def test_a_video_carries_the_clues_of_its_tags(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(path, "w") as container:
        container.metadata["comment"] = "vid:v0200fg10000ccjhgfrc77u70ck4srd0"
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
        container.mux(stream.encode())
    media = open_media(open_file(path))
    assert media and by_kind(media.clues)["platform"] == ["douyin", "tiktok"]


def test_times_have_zones_where_they_state_one_and_must_be_possible() -> None:
    assert stated_time("2020:01:31 10:00:00") == "2020-01-31T10:00:00"
    assert stated_time("2020-01-31T10:00:00.5Z") == "2020-01-31T10:00:00Z"
    assert stated_time("2020:01:31 01:00:00", "+08:00") == "2020-01-30T17:00:00Z"
    for text in (
        "2020:02:31 10:00:00",
        "0000:00:00 00:00:00",
        "1970:01:01 00:00:00",
        "9999:12:31 23:59:59",
        "",
        None,
        b"2020",
    ):
        assert stated_time(text) is None


def test_hostile_values_are_cut_and_never_raise(tmp_path: Path) -> None:
    long = "x\u202e\x07\ud800" * 300_000
    (clue,) = tag_clues({"software": long})
    assert len(clue.value) == CLUE_CHARS and not set(clue.value) & set("\u202e\x07\ud800")
    for text in (
        "{" * 100_000,
        "[" * 100_000,
        '{"AIGC":' * 50_000,
        "vid:v" + "0" * 10**6,
        '{"data": 1, "source_type": ["vicut"]}',
    ):
        assert all(len(found.value) <= CLUE_CHARS for found in tag_clues({"comment": text}))
    assert len(xmp_clues("<a " + 'stEvt:softwareAgent="a" ' * 50_000)) == 1
    xmp_clues("xmp:CreatorTool=" * 10_000 + "xmpMM:DocumentID>" * 10_000)
    handler_clues("produced by Google " * 20_000)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "Steps: 1, " * 60_000)
    noise().save(file := io.BytesIO(), "PNG", pnginfo=texts)
    image_values(tmp_path / "a.png", file.getvalue())
    exif, rng = Image.Exif(), random.Random(2)
    exif[0x131], exif[0x10F] = "a" * 60_000, b"\xff\xfe\0" * 20
    exif.get_ifd(0x8769)[0x9003] = 7
    exif.get_ifd(0x8825)[2] = (1.0, float("inf"))
    valid = bytearray(with_thumbnail(noise(), noise(80, 60)))
    image_values(tmp_path / "a.jpg", jpeg(noise(), exif=exif.tobytes()))
    for _ in range(60):
        changed = bytearray(valid)
        for _ in range(4):
            changed[rng.randrange(20, 700)] = rng.randrange(256)
        (tmp_path / "b.jpg").write_bytes(changed)
        try:
            media = open_media(open_file(tmp_path / "b.jpg"))
        except Exception as error:
            assert type(error).__name__ in ("CorruptMedia", "TooLargeMedia", "UnsupportedMedia")
            continue
        for found in media.clues if media else ():
            check_clue(found)
