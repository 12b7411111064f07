"""The API: the objects of docs/formats.md as JSON."""

from collections.abc import Iterator

from mediafp.report import jsonl
from mediafp.types.version import __version__
from mediafp.web.asking import Asking
from mediafp.web.pages.start import query_to_json
from mediafp.web.paging import Limit
from mediafp.web.site import Site


def add_api(site: Site, asking: Asking) -> None:
    """Add the addresses of the API."""

    def case() -> jsonl.JsonObject:
        """State the case: its name, the numbers of its files, its seal, and whether the models are loaded."""
        entries, seal = site.case.last_log_entry()
        return {
            "name": site.case_name,
            "assets": site.case.count_assets(),
            "uncompared": site.case.count_uncompared().assets,
            "failures": len(site.case.failures()),
            "log": {"entries": entries, "seal": seal},
            "is_warm": site.warming.is_done,
            "mediafp": __version__,
        }

    def asked(limit: Limit = 20) -> Iterator[jsonl.JsonObject]:
        """List the latest queries, the newest first."""
        return map(query_to_json, site.queries.recent(limit))

    site.add_api("/case", case)
    site.add_api("/asked", asked)
