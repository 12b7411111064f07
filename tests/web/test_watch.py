"""The watch list: what is added is found, and no path of the machine can be watched."""

from served_case import ServedCase


def test_words_are_watched_found_seen_and_removed(workbench: ServedCase) -> None:
    assert workbench.post("/watch/add", {"text": "港灣鏡頭", "name": "channel"}).status_code == 303
    try:
        (watch,) = workbench.get("/api/watches").json()
        assert watch["kind"] == "text"
        page = workbench.get("/watch?all=true").text
        assert "港灣鏡頭" in page
        assert workbench.post("/watch/seen", {}).status_code == 303
        assert workbench.get("/api/watches/hits?new=true").json() == []
    finally:
        assert workbench.post("/watch/remove", {"name": "channel"}).status_code == 303
    assert workbench.get("/api/watches").json() == []
    assert workbench.post("/watch/remove", {"name": "channel"}).status_code == 400


def test_no_path_of_the_machine_is_watched(workbench: ServedCase) -> None:
    for value in ("/etc/passwd", "../originals/cat.jpg", "x" * 64):
        sent = workbench.client.post("/api/watches", json={"value": value, "kind": "asset"})
        assert sent.status_code == 400
        assert workbench.post("/watch/add", {"sha256": value}).status_code == 400
    assert workbench.client.post("/api/watches", json={"value": "/etc/passwd"}).status_code == 400
    assert workbench.post("/watch/add", {}).status_code == 400
    assert workbench.get("/api/watches").json() == []
