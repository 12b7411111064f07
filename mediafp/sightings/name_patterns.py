"""Forms of file names with a time in them, as phones, messengers and editors write them."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from mediafp.types.sightings import Trust

_DAY: Final = r"(?P<year>\d{4})[-_.]?(?P<month>\d\d)[-_.]?(?P<day>\d\d)"
_PARTED_DAY: Final = r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
_CLOCK: Final = r"(?P<hour>\d\d|\d(?=[.:_-]))[.:_-]?(?P<minute>\d\d)[.:_-]?(?P<second>\d\d)(?![.:]?\d{4})"
_PARTED_CLOCK: Final = r"(?P<hour>\d{1,2})[.:_-](?P<minute>\d\d)[.:_-](?P<second>\d\d)"
_HALF: Final = r"(?:\s?(?P<half>[AaPp])\.?[Mm]\.?\b)?"
_CHINESE_HALF: Final = r"(?P<chinese_half>上午|下午)?"
_APP: Final = r"(?:[-_]\d{1,3})?(?:_(?P<app>(?!(?:edit|crop|copy|final|hdr)[a-z]*$)[A-Za-z\u4e00-\u9fff][\w. ]*))?$"
_SCREENSHOT: Final = (
    r"(?:screen ?shots?|screen[-_ ]?record(?:ing|er)?|screen|annotation|截屏|截图|截圖|屏幕截图|屏幕快照|屏幕录制|屏幕錄製"
    r"|螢幕截圖|螢幕快照|螢幕擷取畫面|螢幕錄製|录屏|批注|スクリーンショット|스크린샷|bildschirmfoto|capture d[’']écran"
    r"|captura de (?:pantalla|ecrã|tela)|[Сс]нимок экрана|schermata|schermafbeelding|ekran resmi)"
)


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A form of names with a time, and the values that all names of that form imply.

    The groups of `form` are `year`, `month`, `day`, `hour`, `minute` and `second`, or `unix`, seconds or milliseconds since
    1970; `half` of the day; `app`, the program that a screenshot shows; and `account`.
    """

    form: re.Pattern[str]
    platform: str | None = None
    software: str | None = None
    zone: Literal["local", "utc"] = "local"
    trust: Trust = "medium"
    """Trust in the time: a name with no more than digits may mean anything."""


def _pattern(
    form: str,
    *,
    platform: str | None = None,
    software: str | None = None,
    zone: Literal["local", "utc"] = "local",
    trust: Trust = "medium",
) -> NamePattern:
    return NamePattern(re.compile(form, re.IGNORECASE | re.ASCII), platform, software, zone, trust)


NAME_PATTERNS: Final = (
    _pattern(rf"^(?:photo|video|audio|file|sticker)_{_PARTED_DAY}[_ ]{_PARTED_CLOCK}(?:_\d+)?$", platform="telegram"),
    _pattern(
        rf"^(?:photo|video|audio|file|round_video_message|animation|sticker)_\d+"
        rf"@(?P<day>\d\d)-(?P<month>\d\d)-(?P<year>\d{{4}})_{_PARTED_CLOCK}(?:_thumb)?$",
        platform="telegram",
    ),
    _pattern(
        r"^(?:IMG|VID|AUD|PTT|STK|DOC)-(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)-WA\d{4,}$", platform="whatsapp"
    ),
    _pattern(
        rf"^(?=.*whatsapp)[^\d]*?{_PARTED_DAY}[^\d]{{1,12}}{_PARTED_CLOCK}{_HALF}(?:_[0-9a-f]{{8}})?$",
        platform="whatsapp",
    ),
    _pattern(r"^mmexport(?:[0-9a-f]{32}_?)?(?P<unix>\d{13})$", platform="wechat", trust="high"),
    _pattern(r"^(?:wx_camera_|microMsg\.)(?P<unix>\d{13})$", platform="wechat", trust="high"),
    _pattern(
        r"^(?:微信(?:图片|圖片|截图|视频)|(?:WeChat|Weixin)(?: ?(?:Image|Screenshot|Video|图片|截图|视频))?)[_ ]"
        rf"{_DAY}{_CLOCK}\d{{0,3}}(?:_\d+){{0,2}}$",
        platform="wechat",
    ),
    _pattern(rf"^WX{_DAY}-{_CLOCK}(?:@2x)?$", platform="wechat"),
    _pattern(rf"^(?:QQ|TIM)(?:图片|截图|视频|浏览器截图){_DAY}{_CLOCK}\d{{0,3}}$", platform="qq"),
    _pattern(r"^FB_IMG_(?P<unix>\d{13})$", platform="facebook", trust="high"),
    _pattern(r"^XHS_(?P<unix>\d{13})[0-9a-z]*$", platform="xiaohongshu"),
    _pattern(r"^line_(?P<unix>\d{13})$", platform="line"),
    _pattern(rf"^KakaoTalk_(?:Photo_|Video_)?{_DAY}_{_CLOCK}\d{{0,3}}(?:_\d+)?$", platform="kakaotalk"),
    _pattern(rf"^signal-{_DAY}-{_CLOCK}(?:-\d{{1,3}})?(?:-\d+)?$", platform="signal"),
    _pattern(rf"^viber[_ ]image[_ ]{_PARTED_DAY}[_ ,]{{1,3}}{_PARTED_CLOCK}(?:-\d{{1,3}})?$", platform="viber"),
    _pattern(r"^ssstik\.io_(?:@?(?P<account>[\w.]{2,24})_)?(?P<unix>\d{13})$", platform="tiktok"),
    _pattern(rf"^{_PARTED_DAY}_{_PARTED_CLOCK}_UTC(?:_\d+)?(?:_profile_pic)?$", platform="instagram", zone="utc"),
    _pattern(r"^RPReplay_Final(?P<unix>\d{10})$", trust="high"),
    _pattern(
        rf"^{_SCREENSHOT}[^\d]{{0,12}}{_DAY}[^\d]{{0,8}}?{_CHINESE_HALF}{_CLOCK}(?:[-_]?\d{{3}})?{_HALF}{_APP}",
    ),
    _pattern(rf"^lv_\d+_{_DAY}{_CLOCK}\d{{0,3}}$", software="CapCut/JianYing"),
    _pattern(rf"^InShot_{_DAY}_{_CLOCK}\d{{0,3}}$", software="InShot"),
    _pattern(rf"^(?:VN|VN_){_DAY}_{_CLOCK}$", software="VN"),
    _pattern(rf"^YouCut_{_DAY}_{_CLOCK}\d{{0,3}}$", software="YouCut"),
    _pattern(rf"^(?:MTXX|meitu)_(?:[A-Z]{{2}})?{_DAY}_?{_CLOCK}\d{{0,3}}$", software="Meitu"),
    _pattern(rf"^B612_{_DAY}_{_CLOCK}(?:_\d+)?$", software="B612"),
    _pattern(rf"^DALL[·.-]E {_PARTED_DAY} {_PARTED_CLOCK}(?: - .*)?$", software="DALL·E"),
    _pattern(rf"^Firefly[_ ]{_DAY}{_CLOCK}(?:[_ ]\d+)?$", software="Adobe Firefly"),
    _pattern(rf"^PXL_{_DAY}_{_CLOCK}\d{{0,3}}(?:[.~_-][A-Z0-9_.~-]*)?$", zone="utc"),
    _pattern(
        rf"^(?:IMG|VID|SVID|MVIMG|PANO|DSC|CAM|WIN|WP|PIC|MOV|BURST|P|V|C360|DJI)_?{_DAY}[-_]?{_CLOCK}\d{{0,3}}(?:[-_~][A-Z0-9_~]*)?$"
    ),
    _pattern(rf"^{_PARTED_DAY}[ _]{_PARTED_CLOCK}(?:[-_ ]\d{{1,3}})?$", trust="low"),
    _pattern(
        rf"^(?=\d{{8}}_\d{{6}}){_DAY}_{_CLOCK}(?:_\d{{1,3}})?$",
        trust="low",
    ),
)
"""All forms; the first one that fits a name is used. The names are those that the programs write by default."""
