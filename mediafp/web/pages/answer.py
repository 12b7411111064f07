"""The answer to a query: who used it, where, since when, and why."""

from starlette.exceptions import HTTPException

from mediafp.web.asking import Asking
from mediafp.web.pages.start import query_to_json
from mediafp.web.site import Sha256, Site
from mediafp.web.views import View


def add_answer(site: Site, asking: Asking) -> None:
    """Add the page of an answer."""

    def answer(sha256: Sha256) -> View:
        saved = site.queries.find(sha256)
        if saved is None:
            raise HTTPException(404, "this file was not asked about, or is not kept any more; drop it again")
        matches = saved.result.matches if saved.result else ()
        return View(
            template="answer.html.j2",
            values={"query": saved, "matches": matches},
            json=lambda: query_to_json(saved),
            columns=("sha256", "relation", "verdict", "probability", "why"),
            rows=lambda: ((m.sha256, m.relation, m.verdict, m.probability, "; ".join(m.why)) for m in matches),
        )

    site.add_view("/answer/{sha256}", answer)
