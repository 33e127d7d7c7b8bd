"""Makes docs/images anew: a folder as `market-assets init` writes it, filled, served, and looked at in Chromium.

`./scripts/pictures [NAME …]` makes all pictures, or those; `--folder FOLDER` keeps the market for the next time.
"""

from __future__ import annotations

import argparse
import base64
import io
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

PROJECT = Path(__file__).resolve().parents[1]
IMAGES = PROJECT / "docs" / "images"
PROGRAM = Path(sys.executable).parent / "market-assets"
PASSWORD = "a password for pictures"
PATIENCE_SECONDS, SETTLING_SECONDS = 120, 10
#: A source that works, and one that is down.
SOURCES = """
sources:
  - type: sample
    postings_per_day: 120
  - type: remoteok
    url: http://127.0.0.1:9/api
"""


@dataclass(frozen=True)
class Picture:
    """A page, what must be on it before it is taken, and how it is cut.

    Attributes:
        path: of the page.
        awaited: what its source has when it is complete.
        size: of the window, in CSS pixels.
        corner: the left upper corner of what is kept of it.
        dark: whether the reader prefers a dark scheme.
    """

    path: str
    awaited: tuple[str, ...]
    size: tuple[int, int] = (1280, 800)
    corner: tuple[int, int] = (0, 0)
    dark: bool = False


GROUPS = quote(",".join(f"global@global:{group}" for group in ("sources", "ingestion", "statistics")))
PICTURES = {
    "timeline": Picture("/overview/activity/timeline", ("refresh_market_stats", ">Now<"), (1280, 460)),
    "asset_graph": Picture(
        f"/asset-groups?expanded={GROUPS}", ("skill_demand", "pay_gap"), (1560, 1290), (540, 110)
    ),
    "asset": Picture("/assets/skill_demand?view=overview", ("demand_share", "refresh_market_stats"), (1200, 760)),
    "failed_source": Picture("/assets/raw_postings/remoteok?view=checks", ("Connection refused",), (1280, 660)),
    "partitions": Picture("/assets/job_postings?view=partitions", ("Materialized (180)",), (1280, 620)),
    "checks": Picture("/assets/job_postings?view=checks", ("every_source_was_read", "Succeeded"), (1280, 560)),
    "paused_schedule": Picture("/automation", ("rebuild_skill_relationships_schedule",), (1280, 560)),
    "market": Picture("/market", ("Customer Service",), (1200, 800)),
    "market_phone": Picture("/market", ("Customer Service",), (390, 844)),
    "skill_dark": Picture("/market/skills/Python", ("What to learn next",), (1200, 1000), dark=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *PICTURES])
    parser.add_argument("--folder", type=Path, help="Where the market is made, and found the next time.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "market"
        if not folder.exists():
            fill(folder)
        with serving(folder) as address, chrome(Path(temporary)) as browser:
            pause(address, "rebuild_skill_relationships")
            sign_in(browser, address)
            for name in given.names or PICTURES:
                take(browser, address, name, PICTURES[name])


def fill(folder: Path) -> None:
    """A working folder in which the pipeline has run, with a user."""
    subprocess.run([PROGRAM, "init", folder], check=True, stdout=subprocess.DEVNULL)
    (folder / "sources.yaml").write_text(SOURCES)
    subprocess.run([PROGRAM, "run"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    add = [PROGRAM, "user", "add", "ada", "--role", "admin", "--password-stdin"]
    subprocess.run(add, cwd=folder, check=True, input=PASSWORD, text=True)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address at which the folder is served, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([PROGRAM, "serve", "--port", str(port)], cwd=folder, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or answers(f"{address}/health/live"))
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            sys.exit("waited in vain")
        time.sleep(0.2)


@contextmanager
def chrome(folder: Path) -> Iterator[webdriver.Chrome]:
    """A browser without a window, on this machine's network alone."""
    options = Options()
    options.binary_location = shutil.which("chromium") or sys.exit("Chromium is not installed")
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
        f"--user-data-dir={folder / 'profile'}",
    ):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield browser
    finally:
        browser.quit()


def pause(address: str, job: str) -> None:
    with httpx.Client(base_url=address, timeout=PATIENCE_SECONDS) as client:
        answer = client.post("/api/auth/login", json={"username": "ada", "password": PASSWORD}).raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        client.post(f"/api/admin/scheduler/jobs/{job}/pause", json={"reason": "moving house"}).raise_for_status()


def sign_in(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/login")
    browser.find_element(By.NAME, "username").send_keys("ada")
    browser.find_element(By.NAME, "password").send_keys(PASSWORD, Keys.RETURN)
    WebDriverWait(browser, PATIENCE_SECONDS).until(lambda chrome: "/login" not in chrome.current_url)


def take(browser: webdriver.Chrome, address: str, name: str, picture: Picture) -> None:
    """Write a picture, in 256 colours."""
    width, height = picture.size
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if picture.dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(f"{address}{picture.path}")
    waiting = WebDriverWait(browser, PATIENCE_SECONDS)
    waiting.until(lambda chrome: all(text in chrome.page_source for text in picture.awaited))
    # Graphs and lists move into their place, and fill; the dots behind a graph would be most of its file.
    browser.execute_script(
        "document.head.append(Object.assign(document.createElement('style'),"
        " {textContent: '* {background-image: none !important}'}))"
    )
    time.sleep(SETTLING_SECONDS)
    left, top = picture.corner
    clip = {"x": left, "y": top, "width": width - left, "height": height - top, "scale": 1}
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "clip": clip})
    image = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)
    print(f"{name}.png: {(IMAGES / f'{name}.png').stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
