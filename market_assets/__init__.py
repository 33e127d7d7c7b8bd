"""Job-market intelligence as a Dagster asset pipeline."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from market_assets.reading import read

__all__ = ["read"]


def __getattr__(name: str) -> Any:
    """Load `read` when it is first used, so that importing the package stays cheap."""
    if name == "read":
        from market_assets.reading import read

        return read
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
