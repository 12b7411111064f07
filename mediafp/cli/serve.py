"""The command `serve`."""

from contextlib import suppress
from typing import Annotated

import typer

from mediafp.cli.options import ModelOption, StoreOption, UnsafeOption, open_selected_case
from mediafp.cli.output import print_line, print_message
from mediafp.types.defaults import DEFAULT_MODEL

HostOption = Annotated[str, typer.Option(help="Address to listen on; one that other machines reach needs --token.")]
PortOption = Annotated[
    int | None,
    typer.Option(help="Port; default 8440, or a free one if that is taken.", min=0, max=65535, show_default=False),
]
TokenOption = Annotated[
    str | None, typer.Option(help="Secret in the link; default: a new random one.", show_default=False)
]


def serve(
    host: HostOption = "127.0.0.1",
    port: PortOption = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the link in the browser.")] = False,
    token: TokenOption = None,
    model: ModelOption = DEFAULT_MODEL,
    store: StoreOption = None,
    unsafe: UnsafeOption = False,
) -> None:
    """Serve the case as local web pages and an API, until Ctrl-C.

    Prints the link, whose token lets you in. Only this machine reaches it.
    """
    from mediafp.case import check_speech_model
    from mediafp.types.runs import SpeechOptions
    from mediafp.web.server import serve
    from mediafp.web.settings import ServeSettings

    def print_link(settings: ServeSettings) -> None:
        print_line(settings.link)
        print_message("Ctrl-C ends it; whoever has the link can read and change the case")

    speech = SpeechOptions(model=model)
    if model != DEFAULT_MODEL:
        check_speech_model(speech)
    # Ctrl-C is how it ends: a second one ends it at once.
    with open_selected_case(store, create=True, unsafe=unsafe) as case, suppress(KeyboardInterrupt):
        serve(case, host=host, port=port, token=token, speech=speech, on_ready=print_link, open_browser=open_browser)
