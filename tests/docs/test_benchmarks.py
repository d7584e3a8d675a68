"""`make bench` and `make campaigns` leave no script of tests/benchmarks out."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_script_is_a_benchmark_or_a_campaign_or_a_part_of_others() -> None:
    parts = {"run", "reliability_traffic"}
    scripts = {
        path.stem for path in (ROOT / "tests/benchmarks").glob("*.py") if not path.stem.endswith("_parts")
    } - parts
    benchmarks = set(re.findall(r'"([a-z_]+)", [\d.]+', (ROOT / "tests/benchmarks/run.py").read_text("utf-8")))
    campaigns = re.search(r"^CAMPAIGNS := (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert campaigns is not None
    assert not benchmarks & set(campaigns[1].split())
    assert benchmarks | set(campaigns[1].split()) == scripts
