"""Drive Firefox by Marionette, its own protocol: JSON over a socket, and no driver."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Firefox relaxes what files may do when a program drives it, unless told not to.
PREFERENCES = """
user_pref("remote.prefs.recommended", false);
user_pref("marionette.port", 0);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.normandy.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
"""


# The errors in the browser's console from pages at an address.
ERRORS = """
const errors = Services.console.getMessageArray()
  .filter(one => one instanceof Ci.nsIScriptError && !(one.flags & one.warningFlag))
  .filter(one => one.sourceName.startsWith(arguments[0]))
  .map(one => `${one.sourceName}: ${one.errorMessage}`);
Services.console.reset();
return errors;
"""
# From now on, what the page asks of hosts: what they refuse too.
WATCH = """
window.asked = [];
Services.obs.addObserver(channel => {
  const {loadInfo, URI} = channel.QueryInterface(Ci.nsIHttpChannel);
  const {browsingContext} = gBrowser.selectedBrowser;
  if (loadInfo.browsingContextID === browsingContext.id) asked.push(URI.spec);
}, "http-on-opening-request");
"""
SIZE = """
const {style} = gBrowser.selectedBrowser;
[style.maxWidth, style.maxHeight] = [`${arguments[0]}px`, `${arguments[1]}px`];
"""


class Firefox:
    """A Firefox with one page, which can do what the checks ask of Playwright's.

    Args:
        connection: The socket on which its Marionette listens.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.stream = connection.makefile("rwb")
        self.number = 0
        self.receive()  # its greeting
        self("WebDriver:NewSession", capabilities={})
        self("WebDriver:SetTimeouts", script=300_000, pageLoad=120_000)
        self.inside(WATCH)

    def receive(self) -> Any:
        """Return the next message."""
        size = b""
        while (one := self.stream.read(1)) != b":":
            size += one
        return json.loads(self.stream.read(int(size)))

    def __call__(self, command: str, **arguments: Any) -> Any:
        """Send a command and return its result."""
        self.number += 1
        message = json.dumps([0, self.number, command, arguments]).encode()
        self.stream.write(b"%d:%s" % (len(message), message))
        self.stream.flush()
        _, _, error, result = self.receive()
        if error:
            raise RuntimeError(f"{command}: {error['message']}")
        return result

    def goto(self, address: str) -> None:
        """Open a page."""
        self("WebDriver:Navigate", url=address)

    @property
    def url(self) -> str:
        """The address of the page."""
        return self("WebDriver:GetCurrentURL")["value"]

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of an async function in the page, and return what it returns."""
        wrapped = (
            "const done = arguments[arguments.length - 1];"
            f"(async function () {{ {script} }}).apply(null, arguments)"
            ".then(value => done({value}), error => done({error: String(error)}));"
        )
        result = self(
            "WebDriver:ExecuteAsyncScript",
            script=wrapped,
            args=list(arguments),
            sandbox=None,
        )["value"]
        if "error" in result:
            raise RuntimeError(result["error"])
        return result.get("value")

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """Return what an expression is, or what the function that it is returns."""
        call = "return typeof made === 'function' ? made(arguments[0]) : made;"
        return self.run(f"const made = {script.strip()}\n;{call}", argument)

    def set_viewport_size(self, size: dict[str, int]) -> None:
        """Give the page a size, which may be less than that of any window."""
        self.inside(SIZE, size["width"], size["height"])
        self.run(
            "while (innerWidth !== arguments[0])"
            " await new Promise(requestAnimationFrame);",
            size["width"],
        )

    def errors(self, address: str) -> list[str]:
        """Return what pages at this address did wrong since this was last asked."""
        return self.inside(ERRORS, address)

    @property
    def requests(self) -> list[str]:
        """What pages have asked hosts for, all pages until now."""
        return self.inside("return asked;")

    def inside(self, script: str, *arguments: Any) -> Any:
        """Run a script in the browser itself, around the page."""
        self("Marionette:SetContext", value="chrome")
        try:
            return self.run(script, *arguments)
        finally:
            self("Marionette:SetContext", value="content")


@contextlib.contextmanager
def firefox() -> Iterator[Firefox | None]:
    """Start Firefox without a window; None if there is none."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        yield None
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        profile = Path(name)
        (profile / "user.js").write_text(PREFERENCES)
        command = [path, "--headless", "--no-remote", "--marionette", "--profile", name]
        command += ["--remote-allow-system-access"]  # for what is `inside`
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            port = profile / "MarionetteActivePort"
            until = time.monotonic() + 60
            while not (port.is_file() and port.read_text()):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{path} does not start")
                time.sleep(0.1)
            with socket.create_connection(
                ("127.0.0.1", int(port.read_text()))
            ) as connection:
                yield Firefox(connection)
        finally:
            process.terminate()
            process.wait()
