"""Choices out of lists for many postings at once, from random numbers between 0 and 1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Reads about ten times as fast as the loader in Python; both come with PyYAML.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def vocabulary(name: str) -> Any:
    """The content of one of the YAML files beside this module."""
    with Path(__file__).with_name(name).open(encoding="utf-8") as file:
        return yaml.load(file, Loader=_LOADER)


class Groups:
    """Lists of different length in one flat list: the members of group g are values[starts[g]:starts[g + 1]]."""

    def __init__(self, groups: Iterable[Sequence[Any]]) -> None:
        members = [list(group) for group in groups]
        if not all(members):
            raise ValueError("a group without members leaves nothing to choose")
        self.values: list[Any] = [value for group in members for value in group]
        self.counts: Integers = np.array([len(group) for group in members], dtype=np.int64)
        self.starts: Integers = np.concatenate(([0], np.cumsum(self.counts)))

    def pick(self, group: Integers, uniform: Floats) -> Integers:
        """Positions in `values`, all members of a group being equally likely."""
        return self.starts[group] + (uniform * self.counts[group]).astype(np.int64)


def cumulated(weights: Sequence[float] | Floats) -> Floats:
    """Running shares along the last axis; the last is 1."""
    sums = np.cumsum(np.asarray(weights, dtype=np.float64), axis=-1)
    shares: Floats = sums / sums[..., -1:]
    shares[..., -1] = 1.0
    return shares


def weighted(shares: Floats, uniform: Floats) -> Integers:
    """Positions chosen with the weights that `shares` (see `cumulated`) came from."""
    return np.searchsorted(shares, uniform, side="right").astype(np.int64)


def weighted_by_row(shares: Floats, rows: Integers, uniform: Floats) -> Integers:
    """As `weighted`, each with the weights of a row of its own."""
    positions: Integers = (uniform[:, None] >= shares[rows]).sum(axis=1, dtype=np.int64)
    return positions


def distinct(rng: np.random.Generator, count: int, pool: int, wanted: int) -> Integers:
    """`wanted` different positions out of `pool` for each of `count` rows."""
    return np.argsort(rng.random((count, pool)), axis=1, kind="stable")[:, :wanted].astype(np.int64)
