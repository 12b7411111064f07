"""A table of `export csv` is read back as it was written."""

import io

from sidecar_dump import read_dump

from mediafp.report.exports.csv import ASSET_COLUMNS, asset_row, write_csv
from mediafp.types.media import Asset
from mediafp.types.sightings import Sighting

SHA256 = "ab" * 32


def test_exported_sightings_are_read_back_with_all_ids_and_names() -> None:
    sightings = [
        Sighting(
            sha256=SHA256, uri="/old/disk/media/a.jpg", platform="twitter", account="march1", account_id="1155810569274644481",
            account_name="'quoted", post_id="0012", url="https://twitter.com/march1/status/12", posted_at="2020-01-02T10:00:00Z",
            removed_at="2020-03", title="'90s music", text="=1+1", views=12, role="repost", source="csv: a.csv",
        ),
        Sighting(sha256=SHA256, uri="/old/disk/media/b.zip/b.jpg", account="'twas'", account_id="true", posted_at="2020"),
        Sighting(sha256=SHA256, uri="/old/disk/media/c.jpg"),
    ]  # fmt: skip
    asset = Asset(sha256=SHA256, kind="image", bytes=1, properties={"width": 2})
    write_csv(
        file := io.StringIO(),
        ASSET_COLUMNS,
        [asset_row(asset, seen, None, None) for seen in sightings],
        byte_order_mark=True,
    )
    stated = read_dump({"all.csv": file.getvalue(), "media/a.jpg": b"", "media/b.zip/b.jpg": b"", "media/c.jpg": b""})
    assert stated.sightings == {
        "media/a.jpg": [{
            "platform": "twitter", "account": "march1", "account_id": "1155810569274644481", "account_name": "'quoted",
            "post_id": "0012", "url": "https://twitter.com/march1/status/12", "posted_at": "2020-01-02T10:00:00Z",
            "removed_at": "2020-03", "title": "'90s music", "text": "=1+1", "views": 12, "role": "repost",
        }],
        "media/b.zip/b.jpg": [{"account": "'twas'", "account_id": "true", "posted_at": "2020"}],
        "media/c.jpg": [],
    }  # fmt: skip
    assert stated.warnings == {}
    assert stated.sources["media/a.jpg"] == ["mediafp export: all.csv"]


def test_corrected_table_comes_before_other_sources() -> None:
    table = f"sha256,uri,source,title\n{SHA256},/old/a.mp4,yt-dlp: a.info.json,Corrected\n"
    info = '{"id": "x", "extractor": "youtube", "title": "First", "uploader_id": "@one"}'
    stated = read_dump({"all.csv": table, "a.mp4": b"", "a.info.json": info})
    assert stated.only() == {"platform": "youtube", "account": "one", "post_id": "x", "title": "Corrected"}
    assert stated.sources == {"a.mp4": ["mediafp export: all.csv + yt-dlp: a.info.json"]}
