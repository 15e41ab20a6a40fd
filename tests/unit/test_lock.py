"""Both lock files are hashed, complete, name no host or path, and have wheels for every supported machine."""

import itertools
import os
import re
import ssl
import tomllib
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
LISTEN_LOCK = (ROOT / "requirements-listen.lock").read_text()
"""Of the recogniser, which no start and no test installs."""
LOCKS = pytest.mark.parametrize("lock", [LOCK, LISTEN_LOCK], ids=["requirements.lock", "requirements-listen.lock"])


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One requirement of the lock and the sha256 digests it accepts."""

    requirement: Requirement
    digests: frozenset[str]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)


def pins(lock: str) -> list[Pin]:
    found = []
    for block in re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"^#.*\n", "", lock, flags=re.MULTILINE)):
        head, *rest = block.split("\\\n")
        digests = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", " ".join(rest)))
        found.append(Pin(requirement=Requirement(head.strip()), digests=digests))
    return found


PINS = pins(LOCK)
LISTEN_PINS = pins(LISTEN_LOCK)


def version(pin: Pin) -> str:
    return next(iter(pin.requirement.specifier)).version


@LOCKS
def test_a_lock_file_names_no_host_index_or_path(lock: str) -> None:
    body = "\n".join(line for line in lock.splitlines() if not line.startswith("#"))
    assert re.findall(r"://|file:|@ |(?:^|\s)[/~.]|--(?!hash=sha256:)", body) == []


@pytest.mark.parametrize(("lock", "extras"), [(LOCK, "--extra farm --extra dev"), (LISTEN_LOCK, "--extra listen")])
def test_the_header_says_how_a_lock_file_is_made_without_naming_a_host(lock: str, extras: str) -> None:
    header = lock.splitlines()[:2]
    assert all(line.startswith("# ") for line in header)
    assert f"uv pip compile pyproject.toml {extras} --universal" in header[1]
    assert "://" not in "".join(header)


@pytest.mark.parametrize(("held", "least"), [(PINS, 80), (LISTEN_PINS, 30)])
def test_every_requirement_is_pinned_and_hashed(held: list[Pin], least: int) -> None:
    assert len(held) > least
    for pin in held:
        assert [clause.operator for clause in pin.requirement.specifier] == ["=="]
        assert pin.digests, pin.requirement


def test_no_dependency_requires_torch() -> None:
    names = {pin.name for pin in (*PINS, *LISTEN_PINS)}
    assert {"torch", "spacy-curated-transformers", "transformers"}.isdisjoint(names)


def test_the_lock_of_the_recogniser_changes_no_version_of_the_other_lock() -> None:
    known = {pin.name for pin in PINS}
    shared = [pin for pin in LISTEN_PINS if pin.name in known]
    assert {"numpy", "onnxruntime", "av"} <= {pin.name for pin in shared}
    for pin in shared:
        assert version(pin) in {version(one) for one in PINS if one.name == pin.name}, pin.requirement
        assert pin.digests in [one.digests for one in PINS if one.name == pin.name], pin.requirement


@pytest.mark.parametrize(("held", "extras"), [(PINS, ("farm", "dev")), (LISTEN_PINS, ("listen",))])
def test_a_lock_covers_every_dependency_of_the_sdk_and_of_its_extras(held: list[Pin], extras: tuple[str, ...]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["optional-dependencies"]
    assert set(declared) == {"farm", "dev", "listen"}
    for text in (*project["dependencies"], *itertools.chain(*(declared[extra] for extra in extras))):
        wanted = Requirement(text)
        versions = [version(pin) for pin in held if pin.name == canonicalize_name(wanted.name)]
        assert versions, f"{text} is missing: make the lock again, as its header says"
        assert all(wanted.specifier.contains(version) for version in versions), f"{text} against {versions}"


# --- Wheels on every machine --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class File:
    """A file as the index lists it."""

    name: str
    digest: str
    requires_python: str


class Listing(HTMLParser):
    """The files on one page of a package index."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[File] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        address, _, digest = (values.get("href") or "").partition("#sha256=")
        if tag == "a" and digest:
            name = address.rpartition("/")[2]
            self.files.append(File(name=name, digest=digest, requires_python=values.get("data-requires-python") or ""))


def listed(name: str) -> list[File]:
    base = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    request = urllib.request.Request(f"{base}/{name}/", headers={"Accept": "text/html"})  # noqa: S310 - pip's own address
    with urllib.request.urlopen(request, timeout=30, context=ssl.create_default_context()) as answer:  # noqa: S310
        page = Listing()
        page.feed(answer.read().decode())
    return page.files


@pytest.fixture(scope="module")
def shelf() -> dict[str, File]:
    """Every file of the index whose digest a lock accepts."""
    try:
        with ThreadPoolExecutor(8) as pool:
            pages = list(pool.map(listed, sorted({pin.name for pin in (*PINS, *LISTEN_PINS)})))
    except (OSError, urllib.error.URLError):
        pytest.skip("the package index does not answer: wheels for each platform of the lock")
    wanted = frozenset().union(*(pin.digests for pin in (*PINS, *LISTEN_PINS)))
    return {file.digest: file for page in pages for file in page if file.digest in wanted}


def linux(machine: str) -> list[str]:
    """What pip accepts on a glibc of 2.28, the oldest that onnxruntime's wheels run on."""
    return [f"manylinux_2_{minor}_{machine}" for minor in range(28, 16, -1)] + [f"manylinux2014_{machine}"]


PLATFORMS = {
    "linux-x86_64": (linux("x86_64"), {"sys_platform": "linux", "platform_machine": "x86_64"}),
    "linux-arm64": (linux("aarch64"), {"sys_platform": "linux", "platform_machine": "aarch64"}),
    "macos-arm64": (list(mac_platforms((14, 0), "arm64")), {"sys_platform": "darwin", "platform_machine": "arm64"}),
}


def tags_of(minor: int, platforms: list[str]) -> set[Tag]:
    python = (3, minor)
    abi = [f"cp3{minor}"]
    return {*cpython_tags(python, abi, platforms), *compatible_tags(python, abi[0], platforms)}


@pytest.mark.parametrize("minor", [11, 12, 13])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_package_has_a_wheel_for_every_supported_machine(
    shelf: dict[str, File], platform: str, minor: int
) -> None:
    platforms, names = PLATFORMS[platform]
    full = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.9"}
    environment = {**default_environment(), **names, **full}
    supported = tags_of(minor, platforms)
    for pin in (*PINS, *LISTEN_PINS):
        marker = pin.requirement.marker
        # misaki's marker is the one the bootstrap passes over.
        if marker is not None and pin.name != "misaki" and not marker.evaluate(environment):
            continue
        files = [shelf[digest] for digest in pin.digests if digest in shelf and shelf[digest].name.endswith(".whl")]
        fitting = [file for file in files if parse_wheel_filename(file.name)[3] & supported]
        assert fitting, f"{pin.requirement} has no wheel for {platform} and Python 3.{minor}"


def test_only_misaki_is_installed_beyond_its_stated_python_version(shelf: dict[str, File]) -> None:
    bounded = set()
    for pin in PINS:
        marker = pin.requirement.marker
        environment = {**default_environment(), "python_version": "3.13", "python_full_version": "3.13.9"}
        if marker is None or pin.name == "misaki" or marker.evaluate(environment):
            files = [shelf[digest] for digest in pin.digests if digest in shelf]
            if any(
                f.requires_python and not Requirement(f"x{f.requires_python}").specifier.contains("3.13.9")
                for f in files
            ):
                bounded.add(pin.name)
    assert bounded == {"misaki"}
