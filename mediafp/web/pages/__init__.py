"""The pages of the workbench, one module each.

In: the site, with the case. Out: views, which become HTML, JSON and CSV.
Imports: the modules of web, case and types.
"""

from collections.abc import Callable, Sequence

from mediafp.web.asking import Asking
from mediafp.web.pages.accounts import add_accounts
from mediafp.web.pages.answer import add_answer
from mediafp.web.pages.api_docs import add_api_docs
from mediafp.web.pages.compare import add_compare
from mediafp.web.pages.errors import add_errors
from mediafp.web.pages.exchange import add_exchange
from mediafp.web.pages.group import add_group
from mediafp.web.pages.group_actions import add_group_actions
from mediafp.web.pages.groups import add_groups
from mediafp.web.pages.hash import add_hash
from mediafp.web.pages.jobs import add_jobs
from mediafp.web.pages.log import add_log
from mediafp.web.pages.publish import add_publish
from mediafp.web.pages.review import add_review
from mediafp.web.pages.search import add_search
from mediafp.web.pages.start import add_start
from mediafp.web.pages.timeline import add_timeline
from mediafp.web.pages.uploading import add_uploading
from mediafp.web.pages.watch import add_watch
from mediafp.web.site import Site

PAGES: Sequence[Callable[[Site, Asking], None]] = (
    add_start,
    add_uploading,
    add_answer,
    add_hash,
    add_search,
    add_groups,
    add_group,
    add_group_actions,
    add_accounts,
    add_timeline,
    add_review,
    add_compare,
    add_watch,
    add_jobs,
    add_errors,
    add_log,
    add_exchange,
    add_api_docs,
    add_publish,
)
"""Functions that add a page to the site."""
