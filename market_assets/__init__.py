"""Job-market intelligence as a Dagster asset pipeline."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from market_assets.defs.market_statistic import MarketStatistic
    from market_assets.reading import read

__all__ = ["MarketStatistic", "read"]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that importing the package stays cheap."""
    if name == "read":
        from market_assets.reading import read

        return read
    if name == "MarketStatistic":
        from market_assets.defs.market_statistic import MarketStatistic

        return MarketStatistic
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names too, where `dg list components` looks for components."""
    return sorted({*globals(), *__all__})
