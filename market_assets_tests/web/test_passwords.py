"""Passwords are kept as argon2 hashes, and a name that does not exist is not given away."""

from __future__ import annotations

from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters

from market_assets.web.auth import credentials
from market_assets.web.auth.credentials import PasswordError, hash_password, is_right, random_password
from market_assets_tests.web.whole_process import LOWEST_COST, PASSWORD, known_hash


def test_the_right_password_alone_is_right() -> None:
    stored = known_hash(PASSWORD)
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored
    assert is_right(PASSWORD, stored)
    for wrong in ("", PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper(), "\0", "\ud800", "x" * 1_000_000, stored):
        assert not is_right(wrong, stored), wrong[:20]


def test_the_same_password_has_another_hash_each_time() -> None:
    assert hash_password(PASSWORD) != known_hash(PASSWORD)


def test_any_characters_will_do() -> None:
    for password in ("пароль-密码-🔑", " lead and trail ", "\ud800 half of a pair"):
        assert is_right(password, hash_password(password))


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1_001])
def test_too_short_and_too_long(password: str) -> None:
    with pytest.raises(PasswordError, match=f"8 to 1,000 characters, not {len(password):,}"):
        hash_password(password)


@pytest.mark.parametrize("stored", ["", "plain text", "$argon2id$v=19$m=65536,t=3,p=4$broken"])
def test_a_broken_hash_lets_nobody_in(stored: str) -> None:
    assert not is_right(PASSWORD, stored)
    assert not is_right("", stored)


def test_nobodys_password_takes_as_much_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash that is checked for a user who does not exist costs what those of real users cost."""
    checked: list[str] = []

    class Watched(PasswordHasher):
        def verify(self, hash: Any, password: Any) -> Any:
            checked.append(hash)
            return super().verify(hash, password)

    monkeypatch.setattr(credentials, "_hasher", Watched(**LOWEST_COST))
    assert not is_right(PASSWORD, None)
    assert not is_right("another password", known_hash(PASSWORD))
    nobodys, somebodys = (extract_parameters(stored) for stored in checked)
    assert nobodys == somebodys


def test_the_product_hashes_at_the_costs_of_rfc_9106(
    costly_hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_hasher", costly_hasher)
    costs = extract_parameters(hash_password(PASSWORD))
    assert (costs.time_cost, costs.memory_cost, costs.parallelism) >= (3, 64 * 1024, 4)


def test_random_passwords_are_all_different_and_good_enough() -> None:
    made = {random_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(password) >= 20 for password in made)
