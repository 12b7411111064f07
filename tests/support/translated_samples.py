"""Scripts in two languages, as transcripts without punctuation whose segments end at other places."""

from mediafp.types.transcripts import Transcript, TranscriptSegment

FACTORY_ZH = (
    "这家工厂的烟囱每天晚上都在排黑烟",
    "附近的村民说他们的孩子一直在咳嗽",
    "我们把河水的样本送到了大学的实验室",
    "结果显示铅的含量超过标准四十倍",
    "老板昨天答应关掉最旧的两台炉子",
)
FACTORY_YUE = (
    "呢間工廠嘅煙囪每晚都噴黑煙",
    "附近嘅村民話佢哋啲細路成日咳",
    "我哋將河水嘅樣本送咗去大學嘅實驗室",
    "結果顯示鉛嘅含量超過標準四十倍",
    "老闆噚日應承關咗最舊嗰兩部爐",
)
FACTORY_EN = (
    "Every night the chimneys of this factory send out black smoke and the villagers nearby say",
    "that their children keep coughing We took samples of the river water to",
    "a laboratory at the university The results show forty times the permitted amount of lead",
    "Yesterday the owner promised to shut down the two oldest furnaces",
)
FACTORY_ES = (
    "Cada noche las chimeneas de esta fábrica sueltan humo negro y los vecinos del pueblo dicen que sus hijos",
    "no dejan de toser Llevamos muestras del agua del río a un laboratorio de la universidad",
    "Los resultados muestran cuarenta veces más plomo de lo permitido",
    "Ayer el dueño prometió apagar los dos hornos más viejos",
)
MINE_EN = (
    "The government closed the coal mine in the north of the province this morning",
    "Four hundred miners have lost their jobs and want to be paid for the last three months",
    "The air in the valley has become cleaner since the furnaces stopped the mayor says",
    "A new plant for solar panels is to open next spring",
)
"""Another text on the subject."""


def transcript(lines: tuple[str, ...], language: str, *, seconds: float = 4.0, start: float = 0.0) -> Transcript:
    """Return the transcript of lines that last as many seconds each."""
    return Transcript(
        model="made",
        version="1",
        duration=start + seconds * len(lines),
        speech_seconds=seconds * len(lines),
        untranscribed_seconds=0.0,
        segments=tuple(
            TranscriptSegment(
                start=start + seconds * n,
                end=start + seconds * (n + 1),
                language=language,
                language_probability=0.9,
                text=line,
            )
            for n, line in enumerate(lines)
        ),
    )
