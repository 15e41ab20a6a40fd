"""Where bin/chorus cannot set itself up it says why, and what to do, in one sentence, before it fetches anything."""

from pathlib import Path

import pytest
from bootstrap_lab import IS_ROOT, PIP_WORKS, Checkout, Index, make_script, make_tools, python_that, run


def test_a_full_disk_is_noticed_before_anything_is_fetched(checkout: Checkout, index: Index, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    make_script(disk, "df", "printf 'Filesystem 1024-blocks Used Available\\n/dev/a b 264 9 400000 23%% /\\n'")
    outcome = checkout.run(PATH=f"{disk}:{checkout.path}")
    assert outcome.code == 1
    venv = checkout.folder / ".venv"
    assert outcome.err.endswith(f"chorus: {venv} needs 1300 MB and has 400 MB free: make room, or move the checkout.\n")
    assert not index.asked.is_set()
    assert not checkout.stamp.exists()


REMEDIES = [
    ("apt-get", "apt-cache", '[ "$2" = python3.12-venv ]', "apt install python3.12 python3.12-venv"),
    ("apt-get", "apt-cache", "exit 100", "install uv"),
    ("dnf", "dnf", "", "dnf install python3.12"),
    ("brew", "brew", "", "brew install python@3.13"),
    ("true", "true", "", "install uv"),
]


@pytest.mark.parametrize(("manager", "program", "behaviour", "remedy"), REMEDIES)
def test_without_a_python_one_sentence_names_this_systems_remedy(
    checkout: Checkout, tmp_path: Path, manager: str, program: str, behaviour: str, remedy: str
) -> None:
    bare = make_tools(tmp_path / "bare")
    make_script(bare, "python3", "exit 1")  # there, but too old
    make_script(bare, manager, "")
    make_script(bare, program, behaviour)
    outcome = checkout.run(PATH=str(bare))
    assert outcome.code == 1
    sentence = outcome.err.splitlines()[-1]
    assert sentence.startswith("chorus: needs Python 3.11, 3.12 or 3.13, and none is on PATH: ")
    assert remedy in sentence


def test_a_python_without_ensurepip_is_answered_with_the_package_that_brings_it(
    checkout: Checkout, tmp_path: Path
) -> None:
    bare = make_tools(tmp_path / "bare")
    python = python_that(PIP_WORKS)
    minor = run([python, "-c", "import sys; print(sys.version_info[1])"], {}, cwd=tmp_path).out.strip()
    without = "import sys; sys.modules['ensurepip'] = None\n$3"
    make_script(bare, "python3", f'code="{without}"; shift 3; exec {python} -I -c "$code" "$@"')
    make_script(bare, "apt-get", "")
    outcome = checkout.run(PATH=str(bare))
    assert outcome.code == 1
    assert (
        f"cannot make environments (it has no ensurepip): {'' if IS_ROOT else 'sudo '}apt install python3.{minor}-venv"
        in outcome.err
    )


@pytest.mark.parametrize(
    ("system", "sentence"),
    [
        ("echo Darwin x86_64", "not on Darwin x86_64"),
        ("echo Linux riscv64", "not on Linux riscv64"),
    ],
)
def test_a_system_without_wheels_is_told_so(checkout: Checkout, tmp_path: Path, system: str, sentence: str) -> None:
    first = tmp_path / "first"
    first.mkdir()
    _, kernel, machine = system.split()
    make_script(first, "uname", f'[ "$1" = -s ] && echo {kernel} || echo {machine}')
    outcome = checkout.run(PATH=f"{first}:{checkout.path}")
    assert outcome.code == 1
    assert sentence in outcome.err


def test_an_old_libc_is_told_so(checkout: Checkout, tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    make_script(first, "uname", '[ "$1" = -s ] && echo Linux || echo x86_64')
    make_script(first, "getconf", "echo glibc 2.17")
    outcome = checkout.run(PATH=f"{first}:{checkout.path}")
    assert outcome.code == 1
    assert "needs glibc 2.28 or newer, and this system has 2.17" in outcome.err
