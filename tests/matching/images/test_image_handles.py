"""Account handles in lines of text."""

import pytest

from mediafp.matching.images.handles import extract_handles


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("微博 @样例用户", ["@样例用户"]),
        ("○@mei_star88", ["@mei_star88"]),
        ("O@李若水", ["@李若水"]),
        ("＠全形字", ["@全形字"]),
        ("@樣例用戶_HK", ["@樣例用戶_HK"]),
        ("@lin_photo.", ["@lin_photo"]),
        ("@ mei_star88", ["@mei_star88"]),
        ("@样例用户 weibo.com", ["@样例用户"]),
        ("新浪微博 @香港自由行weibo.com/u/1234567890", ["weibo.com/u/1234567890", "@香港自由行"]),
        ("weibo.com/abc_d", ["@abc_d"]),
        ("weibo.com/n/样例用户", ["@样例用户"]),
        ("twitter.com/some_one/status/1", ["@some_one"]),
        ("https://x.com/some_one", ["@some_one"]),
        ("TikTok @dancer.88", ["@dancer.88"]),
        ("https://www.tiktok.com/@dancer.88", ["@dancer.88"]),
        ("抖音号: abc123", ["@abc123"]),
        ("抖音號：abc123", ["@abc123"]),
        ("小红书号：12345678", ["@12345678"]),
        ("https://www.youtube.com/@chan-nel", ["@chan-nel"]),
        ("youtube.com/c/SomeChannel", ["@SomeChannel"]),
        ("youtube.com/channel/UCabcdefghijklmnopqrst", ["youtube.com/channel/UCabcdefghijklmnopqrst"]),
        ("instagram.com/some.one", ["@some.one"]),
        ("IG: foo.bar", ["@foo.bar"]),
        ("微博：样例用户", ["@样例用户"]),
        ("@first and @second, @first", ["@first", "@second"]),
    ],
)  # fmt: skip
def test_extract_handles_reads_the_forms_of_a_handle(text: str, handles: list[str]) -> None:
    assert list(extract_handles([text])) == handles


@pytest.mark.parametrize(
    "text",
    ["a.b@mail.com", "café @ Paris", "3 @ 5 pm", "instagram.com/p/xyz", "fox.com/news", "@a", "@", "", "北京时间: 8点"],
)
def test_extract_handles_ignores_addresses_and_places(text: str) -> None:
    assert extract_handles([text]) == ()


def test_extract_handles_returns_each_handle_once_and_in_order() -> None:
    assert extract_handles(["@b_user", "no name", "微博 @a_user", "@b_user"]) == ("@b_user", "@a_user")
