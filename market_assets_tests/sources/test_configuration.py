"""`sources.yaml`: which sources it makes, and what it says when it is wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from market_assets.sources.configuration import ConfigurationError, ConfiguredSource, load_sources
from market_assets.sources.files.source import FileSource
from market_assets.sources.protocol import Source
from market_assets.sources.sample.source import SampleSource

DAY, NOW = date(2026, 1, 2), datetime(2026, 1, 3, tzinfo=UTC)
SHIPPED = Path(__file__).resolve().parents[2] / "sources.yaml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sources.yaml"


def made(source: Source) -> Source:
    """What is behind a configured source; it must be called and filled as the configuration says."""
    assert isinstance(source, ConfiguredSource)
    behind = source.make()
    assert (behind.name, behind.any_day, behind.kind) == (source.name, source.any_day, source.kind)
    return behind


def refusal(file: Path, content: str | bytes) -> str:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigurationError) as caught:
        load_sources(file)
    message = str(caught.value)
    assert all(line.startswith(f"{file}: ") for line in message.splitlines())
    return message.removeprefix(f"{file}: ")


def test_without_a_file_there_is_the_sample_alone(file: Path) -> None:
    (source,) = load_sources(file)
    assert made(source) == SampleSource("sample", postings_per_day=200, seed=0)


def test_the_shipped_file_is_the_sample_alone() -> None:
    (source,) = load_sources(SHIPPED)
    assert made(source) == SampleSource("sample", postings_per_day=200, seed=0)


def test_sources_come_in_the_order_of_the_file(file: Path) -> None:
    file.write_text(
        "sources:\n"
        "  - {type: file, path: jobs.csv, map: {title: Rolle}}\n"
        "  - {type: sample, name: second, postings_per_day: 7, seed: 3}\n"
        "  - {type: sample}\n"
    )
    first, second, third = map(made, load_sources(file))
    assert isinstance(first, FileSource)
    assert first.name == "file"
    assert second == SampleSource("second", postings_per_day=7, seed=3)
    assert third == SampleSource()


def test_a_configured_source_fetches_and_reads_as_the_one_behind_it(file: Path) -> None:
    file.write_text("sources: [{type: sample, postings_per_day: 3}]")
    (source,) = load_sources(file)
    fetch, expected = source.fetch(DAY, NOW), SampleSource(postings_per_day=3).fetch(DAY, NOW)
    assert fetch.observed_at == expected.observed_at
    for payload, same in zip(fetch.payloads, expected.payloads, strict=True):
        assert payload.name == same.name
        with payload.open() as content, same.open() as wanted:
            assert content.read() == wanted.read()
        with payload.open() as content, same.open() as wanted:
            batches = list(source.read(payload.name, content))
            assert batches
            for batch, equal in zip(batches, SampleSource().read(payload.name, wanted), strict=True):
                assert batch.frame.equals(equal.frame)


def test_a_file_of_the_configuration_uses_its_mapping(file: Path) -> None:
    jobs = file.with_name("jobs.csv")
    jobs.write_text("Rolle,Wo\nKoch,Wien\n")
    file.write_text(f"sources: [{{type: file, path: {jobs}, map: {{title: Rolle, location: Wo}}}}]")
    (source,) = load_sources(file)
    (payload,) = source.fetch(DAY, NOW).payloads
    with payload.open() as content:
        (batch,) = source.read(payload.name, content)
    assert batch.frame.select("title", "location").rows() == [("Koch", "Wien")]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "sources:",
        "sources: []",
        "sources: {}",
        "sources: sample",
        "sources: {type: sample}",
        "other: 1",
        "- type: sample",
        "just text",
        "17",
    ],
)
def test_a_file_without_sources_is_refused(file: Path, content: str) -> None:
    assert refusal(file, content) == "it needs a list under `sources:`, with at least one source"


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ("[sample]", "source 1"),
        ("[{}]", "source 1"),
        ("[{type: sample}, {type: pigeon}]", "source 2"),
        ("[{type: sample, postings: 3}]", "source 1, postings"),
        ("[{type: sample, postings_per_day: many}]", "source 1, postings_per_day"),
        ("[{type: sample, postings_per_day: 0}]", "source 1, postings_per_day"),
        ("[{type: sample, postings_per_day: 99999999}]", "source 1, postings_per_day"),
        ("[{type: sample, seed: -1}]", "source 1, seed"),
        ("[{type: sample, name: Upper}]", "source 1, name"),
        ("[{type: sample, name: ../up}]", "source 1, name"),
        ("[{type: sample, name: ''}]", "source 1, name"),
        ("[{type: file}]", "source 1, path"),
        ("[{type: file, path: x.csv, map: title}]", "source 1, map"),
        ("[{type: file, path: x.csv, map: {title: [a]}}]", "source 1, map.title"),
    ],
)
def test_a_wrong_entry_is_named_with_its_field(file: Path, entries: str, named: str) -> None:
    message = refusal(file, f"sources: {entries}")
    assert message.startswith(f"{named}: "), message
    assert "\n" not in message


def test_every_wrong_entry_has_a_line(file: Path) -> None:
    lines = refusal(file, "sources: [{type: sample, seed: x}, {type: file}]").splitlines()
    assert len(lines) == 2
    assert "source 1, seed" in lines[0]
    assert "source 2, path" in lines[1]


def test_two_sources_of_one_name_are_refused(file: Path) -> None:
    message = refusal(file, "sources: [{type: sample}, {type: file, path: x.csv, name: sample}]")
    assert message == "two sources are called 'sample'; give one another `name`"


@pytest.mark.parametrize(
    "content", [b"sources: [", b"\xff\xfe\x00", b"sources: !!python/object:os.system {}", b"\x00"]
)
def test_what_is_no_yaml_is_refused_in_one_line(file: Path, content: bytes) -> None:
    assert "\n" not in refusal(file, content)


def test_a_folder_is_refused_in_one_line(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigurationError, match=f"^{file}: .*[Dd]irectory"):
        load_sources(file)
