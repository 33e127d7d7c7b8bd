"""`sources.yaml`: what it makes, and what it says when it is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from market_assets.sources.configuration import ENTRIES, ConfigurationError, load_sources

PROJECT = Path(__file__).resolve().parents[2]
KEYS = {"ADZUNA_APP_ID": "id", "ADZUNA_APP_KEY": "key", "RAPIDAPI_KEY": "key"}


def written(folder: Path, text: str) -> Path:
    path = folder / "sources.yaml"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str, keys: dict[str, str] | None = None) -> list[str]:
    path = written(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        load_sources(path, keys=keys or {})
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_without_a_file_there_is_the_sample(tmp_path: Path) -> None:
    (source,) = load_sources(tmp_path / "none.yaml")
    assert (source.name, source.any_day, source.kind) == ("sample", True, "sample")


def test_every_kind_of_source_as_the_file_documents_it(tmp_path: Path) -> None:
    """The examples in the comments of `sources.yaml`, taken out of their comments, are valid and complete."""
    text = (PROJECT / "sources.yaml").read_text()
    examples = re.findall(r"(?m)^#( {3}- type: .*\n(?:# {5}.*\n)*)", text)
    listed = "sources:\n" + "".join(example.replace("\n#", "\n") for example in examples)
    entries = yaml.safe_load(listed)["sources"]
    assert {entry["type"] for entry in entries} == set(ENTRIES)
    for entry in entries:
        settings = set(ENTRIES[entry["type"]].model_fields) - {
            "type",
            "name",
            "url",
            "private_network",
            "fetch_minutes",
        }
        assert settings <= set(entry), f"{entry['type']}: {settings - set(entry)} is not documented"
    sources = load_sources(written(tmp_path, listed), keys=KEYS)
    assert [source.name for source in sources] == [entry.get("name", entry["type"]) for entry in entries]
    assert [source.name for source in sources if source.any_day] == ["sample"]
    kinds = {source.name: source.kind for source in sources}
    assert {name: kind for name, kind in kinds.items() if kind != "board"} == {"sample": "sample", "file": "file"}
    assert load_sources(PROJECT / "sources.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sources: []", "it needs a list under `sources:`, with at least one source"),
        ("other: 1", "it needs a list under `sources:`, with at least one source"),
        ("sources: {type: sample}", "it needs a list under `sources:`, with at least one source"),
        ("sources: [sample]", "source 1: it needs a `type`, one of adzuna, arbeitnow, ashby, feed, file,"),
        ("sources: [{name: x}]", "source 1: it needs a `type`, one of adzuna, arbeitnow, ashby, feed, file,"),
        (
            "sources: [{type: remotok}]",
            "source 1: it needs a `type`, one of adzuna, arbeitnow, ashby, feed, file,",
        ),
        ("sources: [{type: remotok}]", "sample; it is 'remotok', did you mean remoteok?"),
        ("sources:\n  - [\n", "it is not YAML in line 3: expected the node content"),
        ("sources: [{type: [a]}]", "source 1: it needs a `type`, one of adzuna, arbeitnow, ashby, feed, file,"),
        ("sources: [{type: sample}, {type: sample}]", "two sources are called 'sample'; give one another `name`"),
        (
            "sources: [{type: sample, seed: -1}]",
            "source 1, seed: Input should be greater than or equal to 0",
        ),
        (
            "sources: [{type: sample, sead: 1}]",
            "source 1, sead: there is no such setting, did you mean seed?",
        ),
        ("sources: [{type: remoteok, name: Remote OK}]", "source 1, name: String should match"),
        ("sources: [{type: remoteok, url: remoteok.com}]", "it must begin with https:// or http://"),
        ("sources: [{type: greenhouse}]", "source 1, companies: Field required"),
        ("sources: [{type: lever, companies: [../x]}]", "source 1, companies"),
        ("sources: [{type: jsonld}]", "source 1: it needs `pages` or `feeds`"),
        ("sources: [{type: feed, feeds: [https://x.example], title_pattern: '('}]", "it is no regular expression"),
        (
            "sources: [{type: feed, feeds: [https://x.example], title_pattern: 'a'}]",
            "its groups are title and some",
        ),
        (
            "sources: [{type: adzuna, countries: [xx]}]",
            "source 1, countries.0: Input should be 'at', 'au'",
        ),
    ],
)
def test_mistakes_are_told_in_a_line(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(tmp_path, text)[0]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    lines = refusal(tmp_path, "sources: [{type: sample, seed: -1}, {type: x}, {type: arbeitnow, pages: 0}]")
    assert [line.split(" ")[1].rstrip(":,") for line in lines] == ["1", "2", "3"]


def test_missing_keys_are_named(tmp_path: Path) -> None:
    text = "sources: [{type: adzuna, countries: [gb]}, {type: jsearch, queries: [nurse]}]"
    needs = "in the environment or in .env"
    assert refusal(tmp_path, text) == [
        f"source 1 (adzuna): it needs ADZUNA_APP_ID and ADZUNA_APP_KEY {needs}",
        f"source 2 (jsearch): it needs RAPIDAPI_KEY {needs}",
    ]
    assert refusal(tmp_path, text, {**KEYS, "ADZUNA_APP_KEY": ""}) == [
        f"source 1 (adzuna): it needs ADZUNA_APP_KEY {needs}"
    ]
    assert len(load_sources(written(tmp_path, text), keys=KEYS)) == 2
