"""What many accounts in one configuration cost: to load it, to open a hub and every client, to look for what is due, ``doctor``.

    python tests/benchmarks/many_accounts.py [COUNT ...]

The accounts are of all six vendors in turn, their secrets in the environment, each synced every hour. Each count is measured in an
interpreter of its own; milliseconds of the processor, and the clock's in brackets. Memory is what the process grew by.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

OPTIONS: Final = {
    "aftership": "api_key = { env = 'SECRET' }",
    "redo": "api_key = { env = 'SECRET' }\nstore_id = 's'",
    "return_helper": "api_key = { env = 'SECRET' }\napi_token = { env = 'SECRET' }",
    "returnless": "user = 'u'\npassword = { env = 'SECRET' }",
    "returnless_v2": "api_key = { env = 'SECRET' }",
    "returnmate": "api_key = { env = 'SECRET' }",
}
SCRIPT: Final = str(Path(sys.executable).with_name("returns-hub"))


def configuration(count: int) -> str:
    vendors = list(OPTIONS)
    providers = [vendors[number % len(vendors)] for number in range(count)]
    return "".join(
        f'[accounts.shop-{number}]\nprovider = "{provider}"\nsync_every = "1h"\n{OPTIONS[provider]}\n\n'
        for number, provider in enumerate(providers)
    )


def measure_here() -> dict[str, tuple[float, float]]:
    """Each step in turn, in this process: processor and clock, in milliseconds; memory in MB."""
    from returns_hub import Hub

    found: dict[str, tuple[float, float]] = {}

    def step(name: str, work: Callable[[], object]) -> None:
        began = time.process_time(), time.perf_counter()
        work()
        found[name] = ((time.process_time() - began[0]) * 1000, (time.perf_counter() - began[1]) * 1000)

    def memory() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    hubs: list[Hub] = []
    step("the configuration is loaded", lambda: hubs.append(Hub.from_config()))
    hub = hubs[0]
    with hub:
        step("the store is opened", lambda: list(hub.returns(limit=1)))
        before = memory()
        step("every client is opened", lambda: [hub.client(name) for name in hub.accounts])
        grown = memory() - before
        worker = hub._resources.worker(lambda _: lambda _: None, concurrency=1)
        step("schedules: made", worker._schedules)
        step("schedules: a tick", lambda: [each.due_in() for each in worker._schedules()])
        step("health", hub.health)
        found["memory of the clients, MB"] = (grown, grown)
    return found


def command(*arguments: str) -> tuple[float, float]:
    began = time.perf_counter()
    process = subprocess.Popen([SCRIPT, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return (usage.ru_utime + usage.ru_stime) * 1000, (time.perf_counter() - began) * 1000


def measure(count: int) -> Mapping[str, tuple[float, float]]:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("returns-hub.toml").write_text(configuration(count), "utf-8")
        os.environ["SECRET"] = "s"
        child = [sys.executable, __file__, "--here"]
        subprocess.run(child, check=True, stdout=subprocess.DEVNULL)  # makes the store
        found: dict[str, tuple[float, float]] = json.loads(
            subprocess.run(child, check=True, capture_output=True).stdout
        )
        command("returns")  # writes the byte code
        found["returns-hub returns"] = command("returns")
        found["returns-hub doctor --offline"] = command("doctor", "--offline")
        os.chdir("/")
    return found


def main(counts: list[int]) -> None:
    # Without byte code every start compiles all modules, which no installation does.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    columns = {count: measure(count) for count in counts}
    print(f"{'accounts':30}", *(f"{count:>15,}" for count in counts))
    for name in columns[counts[0]]:
        cells = [f"{columns[count][name][0]:,.1f} ({columns[count][name][1]:,.1f})" for count in counts]
        print(f"{name:30}", *(f"{cell:>15}" for cell in cells))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("counts", nargs="*", type=int, default=[10, 100, 1000])
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        print(json.dumps(measure_here()))
    else:
        main(given.counts)
