"""Floods of a live `market-assets serve`, one by one and together: `python -m benchmarks.attack [SECONDS]`.

Beside each, a friendly client asks ten times a second. Prints how long its answers take, how many are wrong, the
most memory of the web process, and what the floods left behind: memory, threads, open files, folders, rows.
It ends with status 1 where a friendly request failed, its p99 reached a second, or the process 512 MiB. For a
machine that does nothing else: the floods come from it too, though at the lowest priority.
"""

from __future__ import annotations

import multiprocessing
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.attack.floods import FLOODS, run_flood
from benchmarks.attack.friend import Answers, Friend
from market_assets.store.database import Database
from market_assets.store.dumps import count_all_rows
from market_assets.store.users import add_user
from market_assets.web.auth.credentials import hash_password
from market_assets_tests.cli.programs import PROGRAMS, environment, make_project, run
from market_assets_tests.cli.test_serve import Server, eventually, free_port

SECONDS = 20.0
LONGEST_P99_SECONDS = 1.0
MOST_MEMORY_MIB = 512.0
#: A flood's connections and limits are gone by then.
_REST_SECONDS = 15.0
_USERS = {"friend": "admin", "viewer": "viewer"}


def main(seconds: float = SECONDS) -> None:
    """Attack, measure and print."""
    with tempfile.TemporaryDirectory(prefix="market_assets_attack_") as name, served(Path(name)) as site:
        friend = Friend(site.url, site.tokens["friend"])
        friend.ask_for(5)
        before = site.state()
        print(f"{'flood':<12} {'answers':>7} {'p50 ms':>7} {'p99 ms':>7} {'failed':>6} {'peak MiB':>8}")
        quiet = friend.ask_for(seconds)
        wrong = [*report("none", quiet, site)]
        for chosen in [*((flood,) for flood in FLOODS), tuple(FLOODS)]:
            answers = attacked(site, friend, chosen, seconds)
            wrong += report(chosen[0] if len(chosen) == 1 else "all of them", answers, site)
            time.sleep(_REST_SECONDS)
        friend.close()
        report_rest(before, site.state())
    if wrong:
        raise SystemExit("\n".join(wrong))


class Site:
    """A live `serve` with its users' tokens."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.server = folder, server
        self.url = f"http://127.0.0.1:{server.port}"
        self.web = server.pid_of("market_assets.web.server")
        self.tokens: dict[str, str] = {}

    def peak_mib(self) -> float:
        """The most memory that the web process has had."""
        return self._status("VmHWM") / 1024

    def state(self) -> dict[str, float]:
        """What must not grow: of the web process, of the data folder, of the tables."""
        logs = self.folder / "data" / "dagster" / "compute_logs"
        state: dict[str, float] = {
            "memory, MiB": round(self._status("VmRSS") / 1024),
            "threads": self._status("Threads"),
            "open files": len(list(Path(f"/proc/{self.web}/fd").iterdir())),
            "folders of logs": sum(path.is_dir() for path in logs.rglob("*")),
        }
        counts = count_all_rows(Database(f"sqlite:///{self.folder / 'data' / 'market.db'}"))
        return state | {f"rows of {table}": rows for table, rows in counts.items()}

    def _status(self, name: str) -> int:
        found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{self.web}/status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1])


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """A `serve` of two days' postings that starts no jobs by itself."""
    make_project(folder)
    done = run("market-assets", "run", "--days", "2", cwd=folder)
    assert done.code == 0, done.err
    password = secrets.token_urlsafe(16)
    for name, role in _USERS.items():
        add_user(Database(f"sqlite:///{folder / 'data' / 'market.db'}"), name, role, hash_password(password))
    port, mark = free_port(), f"mark-{secrets.token_hex(8)}"
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAMS / "market-assets", "serve"],
            cwd=folder,
            env=environment(MARKET_ASSETS_PORT=str(port), TEST_MARK=mark),
            stdout=log,
            stderr=log,
            text=True,
        )
    server = Server(folder, process, port, mark)
    try:
        eventually(lambda: "/market" in (folder / "serve.log").read_text())
        site = Site(folder, server)
        for name in _USERS:
            answer = httpx.post(
                f"{site.url}/api/auth/login", json={"username": name, "password": password}, timeout=60
            )
            site.tokens[name] = answer.raise_for_status().json()["access_token"]
        yield site
        complaints = re.findall(r"^.*(?:ERROR|Traceback).*$", (folder / "serve.log").read_text(), re.MULTILINE)
        print(f"{len(complaints)} errors in the log", *sorted(set(complaints))[:10], sep="\n  ")
    finally:
        process.terminate()
        process.wait()


def attacked(site: Site, friend: Friend, floods: tuple[str, ...], seconds: float) -> Answers:
    """What the friendly client gets while floods go on."""
    spawn = multiprocessing.get_context("spawn")
    target = (site.server.port, site.tokens["viewer"], seconds)
    processes = [spawn.Process(target=run_flood, args=(flood, *target)) for flood in floods]
    over = threading.Event()

    def wait_for_all() -> None:
        for process in processes:
            process.join()
        over.set()

    for process in processes:
        process.start()
    threading.Thread(target=wait_for_all).start()
    return friend.ask_until(over)


def report(name: str, answers: Answers, site: Site) -> Iterator[str]:
    """Print a line; what is wrong with it."""
    peak = site.peak_mib()
    times = f"{answers.p50 * 1e3:>7.0f} {answers.p99 * 1e3:>7.0f}"
    print(f"{name:<12} {len(answers.seconds):>7} {times} {len(answers.failures):>6} {peak:>8.0f}", flush=True)
    if answers.failures:
        print(f"             {dict(Counter(answers.failures))}", flush=True)
        yield f"{name}: friendly requests failed: {dict(Counter(answers.failures))}"
    if answers.p99 >= LONGEST_P99_SECONDS:
        yield f"{name}: the friendly p99 is {answers.p99:.2f} s"
    if peak >= MOST_MEMORY_MIB:
        yield f"{name}: the web process had {peak:.0f} MiB"


def report_rest(before: dict[str, float], after: dict[str, float]) -> None:
    """Print what is other than before."""
    for name in [*list(before)[:4], *(name for name in after if before.get(name) != after[name])]:
        if name in after:
            print(f"{name:<30} {before.get(name, 0):>8,.0f} before, {after.pop(name):>8,.0f} after")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
