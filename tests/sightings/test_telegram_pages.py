"""Exports of Telegram Desktop as pages, in which later messages of one sender do not repeat the name."""

from pathlib import Path

from read_sidecars import read_sightings, unused_warnings

HEAD = """<!DOCTYPE html>
<html>
 <body onload="CheckLocation();">
  <div class="page_wrap">
   <div class="page_header">
    <div class="content">
     <div class="text bold">
Channel
     </div>
    </div>
   </div>
   <div class="page_body chat_page">
    <div class="history">
     <div class="message service" id="message-1">
      <div class="body details">
2 January 2024
      </div>
     </div>
"""


def message(
    number: int, media: str, *, name: str = "", forwarded: str = "", text: str = "", zone: str = " UTC+08:00"
) -> str:
    sender = f'<div class="from_name">\n{name} \n       </div>' if name else ""
    if forwarded:
        stamp = '<span class="date details" title="31.12.2023 08:00:00 UTC+08:00"> 31.12.2023 08:00:00</span>'
        start = f'<div class="forwarded body">\n<div class="from_name">\n{forwarded} via @bot {stamp}\n</div>'
        media = f"{start}{media}</div>"
    return f"""     <div class="message default clearfix{"" if name else " joined"}" id="message{number}">
      <div class="body">
       <div class="pull_right date details" title="02.01.2024 11:04:05{zone}">
11:04
       </div>
       {sender}
       {media}
       <div class="text">
{text}
       </div>
      </div>
     </div>
"""


def photo(number: int) -> str:
    name = f"photos/photo_{number}@02-01-2024_11-04-05"
    return (
        f'<div class="media_wrap clearfix">\n<a class="photo_wrap clearfix pull_left" href="{name}.jpg">\n'
        f'<img class="photo" src="{name}_thumb.jpg" style="width: 260px"/>\n</a>\n</div>'
    )


VIDEO = '<a class="media clearfix pull_left block_link media_video" href="video_files/a &amp; b.mp4">'
POST = {
    "platform": "telegram", "account_name": "A & B", "post_id": "5", "posted_at": "2024-01-02T03:04:05Z", "text": "a\nb <c>",
}  # fmt: skip


def write_page(folder: Path, *messages: str) -> None:
    (folder / "messages2.html").write_text(HEAD + "".join(messages) + "</div></div></body></html>", encoding="utf-8")


def path_of(number: int) -> str:
    return f"photos/photo_{number}@02-01-2024_11-04-05.jpg"


def test_message_is_read_and_later_ones_are_of_the_same_sender(tmp_path: Path) -> None:
    first = message(5, photo(1), name="A &amp; B", text='a<br><a href="x">b</a> &lt;c&gt;')
    write_page(tmp_path, first, message(6, VIDEO), message(7, photo(3), name="Other"))
    assert read_sightings(tmp_path, path_of(1)) == [POST]
    assert read_sightings(tmp_path, path_of(1).replace(".jpg", "_thumb.jpg")) == [POST]
    later = {key: value for key, value in POST.items() if key != "text"} | {"post_id": "6"}
    assert read_sightings(tmp_path, "video_files/a & b.mp4") == [later]
    assert read_sightings(tmp_path, path_of(3)) == [later | {"post_id": "7", "account_name": "Other"}]


def test_forwarded_message_has_the_time_of_its_original(tmp_path: Path) -> None:
    write_page(
        tmp_path, message(4, "", name="A &amp; B"), message(5, photo(1), forwarded="First"), message(6, photo(2))
    )
    repost, original = read_sightings(tmp_path, path_of(1))
    assert (repost["account_name"], repost["role"]) == ("A & B", "repost")
    assert original == {
        "platform": "telegram", "account_name": "First", "posted_at": "2023-12-31T00:00:00Z", "role": "original",
    }  # fmt: skip
    assert [one.get("role") for one in read_sightings(tmp_path, path_of(2))] == [None]


def test_zone_that_may_lack_the_summer_time_is_left_out(tmp_path: Path) -> None:
    write_page(tmp_path, message(5, photo(1), name="A", zone=" UTC+01:00"), message(6, photo(2), zone=""))
    for number in (1, 2):
        assert read_sightings(tmp_path, path_of(number))[0]["posted_at"] == "2024-01-02T11:04:05"


def test_other_pages_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "messages.html").write_text("<html><a href='photos/a.jpg'></html>")
    assert read_sightings(tmp_path, "photos/a.jpg") == []
    write_page(tmp_path, message(5, photo(1), name="A"))
    assert unused_warnings(tmp_path, "messages2.html") == [
        f"skipped 1 row of 'messages2.html': no media file was found for {path_of(1)!r}"
    ]
