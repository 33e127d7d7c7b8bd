"""Tokens: what is accepted, every attack on them that is known, and the key that they are signed with."""

from __future__ import annotations

import base64
import json
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest

from market_assets.settings import Settings, SettingsError
from market_assets.store import users
from market_assets.web.auth.credentials import BROWSERS, PROGRAMS, signing_key
from market_assets_tests.web.whole_process import PROBLEM, WholeProcess

#: Whatever answers 200 to whoever signed in, and 401 to nobody.
ASKED = "/server_info"
FAR = 10_000_000_000


def ask(web: WholeProcess, token: str) -> int:
    return web.client().get(ASKED, headers={"Authorization": f"Bearer {token}"}).status_code


def signed(claims: dict[str, Any], key: Any, **header: Any) -> str:
    """A token made by hand, as libraries refuse to make some of these."""

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    algorithm = header.get("alg", "HS256")
    unsigned = f"{part({'typ': 'JWT', 'alg': 'HS256', **header})}.{part(claims)}"
    if algorithm.lower() == "none":
        return f"{unsigned}."
    digest = jwt.algorithms.HMACAlgorithm(getattr(jwt.algorithms.HMACAlgorithm, f"SHA{algorithm[2:]}"))
    signature = digest.sign(unsigned.encode(), key)
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def changed(**changes: Any) -> Callable[[dict[str, Any], bytes], str]:
    """An attack: the claims changed and signed with the right key; None takes a claim away."""

    def attack(claims: dict[str, Any], key: bytes) -> str:
        merged = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return signed(merged, key)

    return attack


ATTACKS: dict[str, Callable[[dict[str, Any], bytes], str]] = {
    "algorithm none": lambda claims, key: signed(claims, key, alg="none"),
    "algorithm None": lambda claims, key: signed(claims, key, alg="None"),
    "algorithm none with the signature kept": lambda claims, key: signed(claims, key, alg="none") + "c2ln",
    "another algorithm with the right key": lambda claims, key: signed(claims, key, alg="HS512"),
    "HS384 with the right key": lambda claims, key: signed(claims, key, alg="HS384"),
    "another key": lambda claims, _key: signed(claims, b"another key of thirty-two bytes or more"),
    "an empty key": lambda claims, _key: signed(claims, b""),
    "a key of the sender's": lambda claims, _key: signed(
        claims, b"k" * 32, jwk={"kty": "oct", "k": base64.urlsafe_b64encode(b"k" * 32).decode()}
    ),
    "a key from a file": lambda claims, _key: signed(claims, b"", kid="/dev/null"),
    "no signature": lambda claims, key: signed(claims, key).rsplit(".", 1)[0] + ".",
    "another's signature": lambda claims, key: (
        f"{signed({**claims, 'role': 'admin'}, key).rsplit('.', 1)[0]}.{signed(claims, key).rsplit('.', 1)[1]}"
    ),
    "expired": changed(exp=int(time.time()) - 1),
    "expired just now, to the second": changed(exp=int(time.time())),
    "a session that has run out": changed(ses=int(time.time()) - 1),
    "not yet valid": changed(nbf=FAR),
    "issued in the future": changed(iat=FAR),
    "for another audience": changed(aud="market_assets:other"),
    "for the browser": changed(aud=BROWSERS),
    "for several audiences": changed(aud=[PROGRAMS, BROWSERS]),
    "of another issuer": changed(iss="somebody"),
    "a user who does not exist": changed(sub="nobody"),
    "another user's name": changed(sub="ada"),
    "a name that is a number": changed(sub=1),
    "another role": changed(role="admin"),
    "an older version": lambda claims, key: signed({**claims, "ver": claims["ver"] - 1}, key),
    "a later version": lambda claims, key: signed({**claims, "ver": claims["ver"] + 1}, key),
    "a version that is a text": lambda claims, key: signed({**claims, "ver": str(claims["ver"])}, key),
    "an expiry that is no number": changed(exp="soon"),
    "an endless session": changed(ses=float(FAR)),
    **{f"without {name}": changed(**{name: None}) for name in ("exp", "nbf", "iat", "aud", "iss", "sub")},
    **{f"without {name}": changed(**{name: None}) for name in ("role", "ver", "sid", "ses")},
    "a list for claims": lambda _claims, key: signed([], key),  # type: ignore[arg-type]
    "nothing": lambda _claims, _key: "",
    "garbage": lambda _claims, _key: "garbage",
    "three dots": lambda _claims, _key: "...",
    "very long": lambda _claims, _key: "a" * 60_000,
}


@pytest.fixture(scope="module")
def claims(web: WholeProcess) -> dict[str, Any]:
    """What a good token of a viewer says."""
    token = web.sign_in("vic")
    assert ask(web, token) == 200
    return web.claims(token, PROGRAMS)


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks(web: WholeProcess, claims: dict[str, Any], attack: str) -> None:
    assert ask(web, signed(claims, web.key)) == 200, "made by hand, with nothing changed"
    forged = ATTACKS[attack](claims, web.key)
    answer = web.client().get(ASKED, headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert set(answer.json()) == PROBLEM


def test_a_public_key_is_no_secret(web: WholeProcess, claims: dict[str, Any]) -> None:
    """The attack that says RS256 where there is no public key."""
    for algorithm in ("RS256", "ES256", "EdDSA", "PS256"):
        token = signed(claims, web.key)
        header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).rstrip(b"=").decode()
        assert ask(web, ".".join([header, *token.split(".")[1:]])) == 401


def test_the_cookie_is_no_bearer_token_and_the_reverse(web: WholeProcess) -> None:
    browser = web.browser("ada")
    assert browser.get(ASKED).status_code == 200
    cookie = browser.cookies["market_assets_session"]
    assert ask(web, cookie) == 401
    client = web.client()
    client.cookies.set("market_assets_session", web.sign_in("ada"))
    assert client.get(ASKED).status_code == 401


@pytest.fixture
def zoe(web: WholeProcess) -> Iterator[str]:
    """A user whom a test may change."""
    name = f"zoe-{uuid4().hex[:8]}"
    web.add_user(name, "viewer")
    yield name
    if users.find_user(web.engine, name):
        users.remove_user(web.engine, name)


@pytest.mark.parametrize(
    "change",
    [
        lambda web, name: users.set_password(web.engine, name, "another hash"),
        lambda web, name: users.set_role(web.engine, name, "admin"),
        lambda web, name: users.remove_user(web.engine, name),
        lambda web, name: (users.remove_user(web.engine, name), web.add_user(name, "viewer")),
    ],
    ids=["password", "role", "removed", "removed and added again"],
)
def test_what_ends_every_session_of_a_user(
    web: WholeProcess, zoe: str, change: Callable[[WholeProcess, str], object]
) -> None:
    bearer, browser = web.signed_in(zoe), web.browser(zoe)
    assert bearer.get(ASKED).status_code == browser.get(ASKED).status_code == 200
    change(web, zoe)
    for client in (bearer, browser):
        assert client.get(ASKED).status_code == 401
        assert client.post("/api/auth/refresh").status_code == 401
    assert web.signed_in("vic").get(ASKED).status_code == 200


def key_settings(folder: Path, **variables: object) -> Settings:
    return Settings(MARKET_ASSETS_DATA_DIR=folder / "data", _env_file=None, **variables)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.10"])
def test_on_this_machine_a_key_is_made_and_kept(tmp_path: Path, host: str) -> None:
    settings = key_settings(tmp_path, MARKET_ASSETS_HOST=host)
    key = signing_key(settings)
    assert len(key) >= 32 and signing_key(settings) == key
    (kept,) = [path for path in settings.data_dir.iterdir() if path.is_file()]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.chmod(0o644)
    assert signing_key(settings) == key
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_two_processes_make_one_key(tmp_path: Path) -> None:
    settings = key_settings(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: signing_key(settings), range(16)))
    assert len(keys) == 1
    assert [path.name for path in settings.data_dir.iterdir()] == ["jwt_secret_key"]


def test_a_kept_key_that_was_emptied_is_an_error(tmp_path: Path) -> None:
    settings = key_settings(tmp_path)
    signing_key(settings)
    (settings.data_dir / "jwt_secret_key").write_text("")
    with pytest.raises(SettingsError, match=r"JWT_SECRET_KEY: .* holds no key"):
        signing_key(settings)


def test_a_data_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(SettingsError, match=r"JWT_SECRET_KEY: .* can't be used"):
        signing_key(key_settings(tmp_path))


WEAK = {
    "missing": None,
    "empty": "",
    "short": "Zx8-vQ1_pLm3",
    "31 bytes": "Zx8-vQ1_pLm3Rt7_aSd9Fg2-hJk5Wq0",
    "a placeholder": "your-secret-key-change-in-production",
    "a placeholder in capitals": "CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME",
    "with a tail": "supersecretkey-000000000000000000000000",
    "regular": "a" * 64,
}


@pytest.mark.parametrize("key", WEAK.values(), ids=WEAK)
@pytest.mark.parametrize(
    "reachable",
    [{"MARKET_ASSETS_HOST": "0.0.0.0"}, {"MARKET_ASSETS_HOST": "::"}, {"MARKET_ASSETS_TRUSTED_PROXIES": "::1"}],
    ids=str,
)
def test_where_others_reach_it_a_weak_key_is_refused(
    tmp_path: Path, key: str | None, reachable: dict[str, str]
) -> None:
    with pytest.raises(SettingsError) as refused:
        signing_key(key_settings(tmp_path, JWT_SECRET_KEY=key, **reachable))
    assert refused.value.exit_code == 2
    (line,) = refused.value.message.splitlines()
    assert line.startswith("JWT_SECRET_KEY: ") and "make one with: python3 -c" in line
    assert not key or key not in line
    assert not (tmp_path / "data").exists()


def test_a_good_key_is_taken_everywhere(tmp_path: Path) -> None:
    good = "Zx8-vQ1_pLm3Rt7_aSd9Fg2-hJk5Wq0nB"
    for host in ("0.0.0.0", "127.0.0.1"):
        settings = key_settings(tmp_path, JWT_SECRET_KEY=good, MARKET_ASSETS_HOST=host)
        assert signing_key(settings) == good.encode()
        assert good not in repr(settings)
