"""Skills that are listed side by side, by what stands between them: "Java, Kotlin or Scala", "AWS/GCP/Azure"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_Integers = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]

#: What may stand between two skills of a list.
_COMMAS = (",", ", ")
_OR = ("/", " / ", " or ", ", or ", " oder ", ", oder ", " nor ", ", nor ", " and/or ", " (or ", " bzw. ")
_AND = (" and ", ", and ", " & ", "&", " + ", "+", " und ", ", und ")
_LONGEST = 8


def _key(text: str) -> int:
    return int.from_bytes(text.encode().ljust(_LONGEST, b"\0"), "little")


_ALL_KEYS = np.array(sorted(_key(text) for text in (*_COMMAS, *_OR, *_AND)), dtype=np.uint64)
_OR_KEYS = np.array(sorted(_key(text) for text in _OR), dtype=np.uint64)
_AND_KEYS = np.array(sorted(_key(text) for text in _AND), dtype=np.uint64)
_LOWER: npt.NDArray[np.uint8] = np.frombuffer(bytes(range(256)).lower(), dtype=np.uint8)


@dataclass(frozen=True)
class Chains:
    """Which mentions are listed together.

    Attributes:
        chain: the number of each mention's list, ascending; one that stands alone has a list of its own.
        offers: of each list, whether "or" or a slash is in it.
        joins: of each list, whether a word such as "and" or "or" is in it.
    """

    chain: _Integers
    offers: _Flags
    joins: _Flags

    def alternative(self) -> _Flags:
        """Whether each mention stands in a list of which one will do."""
        return self.offers[self.chain]

    def listed_with(self, mention: int, *, later: bool) -> range:
        """The mentions of the same list after (or before) one, where a word joins them."""
        number = self.chain[mention]
        if not self.joins[number]:
            return range(0)
        if later:
            return range(mention + 1, int(np.searchsorted(self.chain, number, side="right")))
        return range(int(np.searchsorted(self.chain, number)), mention)


def chain_mentions(plain: bytes, start: _Integers, end: _Integers) -> Chains:
    """Bring mentions (with the space at either end, in order of the start) into lists."""
    if not len(start):
        return Chains(start, np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    # Of names that lie one in the other, the list goes on after the longest.
    reached = np.maximum.accumulate(end)[:-1] - 1
    gap = start[1:] + 1 - reached
    near = np.flatnonzero((gap > 0) & (gap <= _LONGEST))
    key = _keys(plain, reached[near], gap[near])
    linked = gap <= 0
    linked[near] = _is_one_of(key, _ALL_KEYS)
    chain = np.concatenate(([0], np.cumsum(~linked)))
    offers, joins = np.zeros(chain[-1] + 1, dtype=bool), np.zeros(chain[-1] + 1, dtype=bool)
    is_or = _is_one_of(key, _OR_KEYS)
    offers[chain[near + 1][is_or]] = True
    joins[chain[near + 1][is_or | _is_one_of(key, _AND_KEYS)]] = True
    return Chains(chain, offers, joins)


def _keys(plain: bytes, start: _Integers, length: _Integers) -> npt.NDArray[np.uint64]:
    """Up to eight bytes from each start, in lower case, as one number."""
    written = np.frombuffer(plain, dtype=np.uint8)
    place = np.arange(_LONGEST)
    taken = written[np.minimum(start[:, None] + place, len(written) - 1)]
    taken = np.where(place < length[:, None], _LOWER[taken], 0).astype(np.uint8)
    key: npt.NDArray[np.uint64] = np.ascontiguousarray(taken).view("<u8").ravel().astype(np.uint64)
    return key


def _is_one_of(keys: npt.NDArray[np.uint64], known: npt.NDArray[np.uint64]) -> _Flags:
    found: _Flags = known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] == keys
    return found
