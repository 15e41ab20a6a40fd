"""Once set up, bin/chorus runs under whatever the caller's account, folder and environment happen to be."""

import os
import shutil
from pathlib import Path

import pytest
from bootstrap_lab import (
    IS_ROOT,
    PIP_WORKS,
    UID_OF_NOBODY_AT_ALL,
    Checkout,
    Index,
    make_tools,
    needs_root,
    python_that,
    run,
)


@pytest.fixture(scope="module")
def ready(open_folders: Path) -> Checkout:
    """A checkout that was set up by root or by whoever runs the tests; its index is gone."""
    index = Index()
    user = UID_OF_NOBODY_AT_ALL if IS_ROOT else None
    open_folder = open_folders / "ready"
    tools = make_tools(open_folder / "tools", python_that(PIP_WORKS, user))
    folder = open_folder / ("a path with spaces, over a hundred characters long, " * 3) / "it's here"
    checkout = Checkout(folder, index, tools=tools)
    assert checkout.run().code == 0
    index.close()
    return checkout


def test_the_path_of_these_tests_is_long_enough_to_break_a_console_scripts_first_line(ready: Checkout) -> None:
    assert len(str(ready.folder / ".venv" / "bin" / "python")) > 127


def test_no_compiler_make_git_or_ffmpeg_stands_on_the_path_of_these_tests(ready: Checkout) -> None:
    for program in ("cc", "gcc", "clang", "make", "git", "ffmpeg", "curl", "awk", "pip", "find", "cmp"):
        assert shutil.which(program, path=ready.path) is None


def test_it_runs_from_a_checkout_that_became_read_only(ready: Checkout) -> None:
    folders = [ready.folder, ready.folder / ".venv", ready.folder / "workers"]
    for folder in folders:
        folder.chmod(0o555)
    user = UID_OF_NOBODY_AT_ALL if IS_ROOT else None  # mode bits mean nothing to root
    assert ready.run(user=user).err == ""
    for folder in folders:
        folder.chmod(0o755)


@needs_root
def test_it_runs_as_a_user_without_a_passwd_entry_or_a_home(ready: Checkout) -> None:
    report = ready.run("x", user=UID_OF_NOBODY_AT_ALL, HOME=None).report
    assert report["uid"] == UID_OF_NOBODY_AT_ALL
    assert report["argv"] == ["x"]


@pytest.mark.parametrize("home", [None, "", "relative", "/dev/null", "/no/such/folder"])
def test_it_runs_whatever_home_is(ready: Checkout, home: str | None) -> None:
    outcome = ready.run(HOME=home)
    assert outcome.report["environment"].get("HOME") == home
    assert outcome.err == ""


@pytest.mark.parametrize("locale", [{"LANG": "C"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {}])
def test_text_is_utf8_in_every_locale(ready: Checkout, locale: dict[str, str]) -> None:
    report = ready.run("naïve 語", **locale).report
    assert report["encoding"] == "utf-8"
    assert report["argv"] == ["naïve 語"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "127.0.0.1,localhost"),
        ("", "127.0.0.1,localhost"),
        ("example.org", "example.org,127.0.0.1,localhost"),
        ("*", "*"),
        ("example.org,127.0.0.1,localhost", "example.org,127.0.0.1,localhost"),
    ],
)
def test_loopback_ignores_a_dead_proxy(ready: Checkout, given: str | None, expected: str) -> None:
    environment = ready.run(HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9", NO_PROXY=given).report[
        "environment"
    ]
    assert environment["NO_PROXY"] == environment["no_proxy"] == expected


def test_the_users_folder_stays_current_and_its_modules_shadow_nothing(ready: Checkout, tmp_path: Path) -> None:
    for name in ("tasks.py", "workers.py", "json.py", "tinysound.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong module')\n")
    report = ready.run(cwd=tmp_path, PYTHONPATH=str(tmp_path), PYTHONHOME="/nowhere").report
    assert report["cwd"] == str(tmp_path.resolve())
    assert str(tmp_path) not in report["path"]
    assert report["path"][0] == report["environment"]["PYTHONPATH"] == str(ready.folder.resolve())


def test_programs_it_starts_find_the_same_modules_and_no_others(ready: Checkout) -> None:
    assert ready.run().report["environment"]["PYTHONSAFEPATH"] == "1"


@pytest.mark.parametrize("relative", [False, True])
def test_a_link_to_it_works_from_anywhere(ready: Checkout, tmp_path: Path, *, relative: bool) -> None:
    target = ready.folder / "bin" / "chorus"
    first, second = tmp_path / "first", tmp_path / "second"
    first.symlink_to(os.path.relpath(target, tmp_path.resolve()) if relative else target)
    second.symlink_to("first")
    command, environment = ready.command("linked")
    assert run([str(second), *command[1:]], environment, cwd=tmp_path).report["argv"] == ["linked"]


def test_a_moved_checkout_still_runs(ready: Checkout, open_folder: Path) -> None:
    moved = open_folder / "moved"
    shutil.copytree(ready.folder, moved, symlinks=True)
    _, environment = ready.command()
    outcome = run([str(moved / "bin" / "chorus")], environment, cwd=moved)
    assert outcome.report["prefix"] == str(moved / ".venv")
    assert outcome.err == ""
