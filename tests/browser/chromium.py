"""The Chromium that the browser tests drive: finds one, or installs it.

python -m tests.browser.chromium
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from playwright.sync_api import Browser, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
COMMAND = "python -m tests.browser.chromium"


class NoChromium(Exception):
    """There is none that starts; the message says what was tried."""


def executable() -> str | None:
    """The path of the Chromium to drive, or None for playwright's own download."""
    for name in NAMES:
        path = shutil.which(name)
        # Ubuntu's `chromium-browser` is a shell script that only says to install a snap.
        if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    return None


def launch(playwright: Playwright) -> Browser:
    """Start it headless. Raises NoChromium."""
    path = executable()
    try:
        return playwright.chromium.launch(executable_path=path, args=FLAGS)
    except PlaywrightError as error:
        what = f"{path} does not start" if path else "No Chromium is installed"
        raise NoChromium(f"{what}. Run: {COMMAND}\n{error.message.splitlines()[0]}") from error


def starts() -> str | None:
    """Why no Chromium starts, or None when one does."""
    with sync_playwright() as playwright:
        try:
            launch(playwright).close()
        except NoChromium as error:
            return str(error)
    return None


def install() -> None:
    """Install one: Debian's package where apt and root are there, else playwright's own download."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        say("Installing Chromium with apt-get ...")
        apt = ("apt-get", "--quiet", "--assume-yes")
        for arguments in (("update",), ("install", "--no-install-recommends", "chromium")):
            if subprocess.run([*apt, *arguments], env=environment).returncode != 0:
                break
        if executable():
            return
        say("apt-get gave no Chromium that starts.")
    say("Downloading playwright's own Chromium ...")
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    problem = starts()
    if problem:
        install()
        problem = starts()
    if problem:
        sys.exit(
            f"The browser tests have no Chromium. {problem}\n"
            f"Install a `chromium` on the PATH (any of {', '.join(NAMES)}), or as root: "
            f"{sys.executable} -m playwright install --with-deps chromium"
        )
    say(f"The browser tests use {executable() or 'playwright’s own Chromium'}.")


if __name__ == "__main__":
    main()
