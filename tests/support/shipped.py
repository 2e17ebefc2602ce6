"""The workflows that ship with Limner."""

from functools import cache

from workflows.folders.catalog import LIBRARY, Catalog


@cache
def load_shipped() -> Catalog:
    """Return the catalog of them, read once in a process; no test may change it."""
    catalog = Catalog((LIBRARY,))
    catalog.load()
    assert catalog.workflows
    assert catalog.problems == ()
    return catalog
