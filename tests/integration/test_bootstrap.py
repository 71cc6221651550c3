"""`./shoplab` itself: a copy of it in a checkout with a lock that asks for nothing and a command line that echoes."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parents[2]
ECHO = """
import os, sys
print("arguments", sys.argv[1:], "below", sys.prefix, "state", os.environ.get("SHOPLAB_STATE"))
sys.exit("seven" in sys.argv and 7)
"""


@dataclass(frozen=True)
class Checkout:
    """A small checkout and the folder that its environments go to."""

    root: Path
    venvs: Path

    def popen(self, *arguments: str, program: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        environ = {**os.environ, "SHOPLAB_VENVS": str(self.venvs), **environment}
        argv = [str(program or self.root / "shoplab"), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, env=environ, cwd=self.root.parent, stdout=pipe, stderr=pipe, text=True)

    def start(self, *arguments: str, program: Path | None = None, **environment: str) -> tuple[int, str, str]:
        """Exit code, what it printed, what it said on the error stream."""
        with self.popen(*arguments, program=program, **environment) as process:
            out, err = process.communicate(timeout=180)
        return process.returncode, out, err

    def lock(self, text: str) -> None:
        (self.root / "compose/requirements.txt").write_text(text)

    def complete(self) -> list[Path]:
        return [marker.parent for marker in self.venvs.glob("*/.complete")]


def make_checkout(folder: Path) -> Checkout:
    checkout = Checkout(folder / "a checkout", folder / "the venvs")
    for name in ("labs", "compose"):
        (checkout.root / name).mkdir(parents=True)
    shutil.copy(ROOT / "shoplab", checkout.root)
    checkout.lock(f"# nothing, in {folder}\n")
    (checkout.root / "labs/cli.py").write_text(ECHO)
    return checkout


@pytest.fixture
def fresh(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """One whose environment is made already."""
    checkout = make_checkout(tmp_path_factory.mktemp("ready"))
    assert checkout.start()[0] == 0
    return checkout


@pytest.mark.parametrize("script", ["shoplab", ".ci/run"])
def test_the_scripts_are_sound_bash(script: str) -> None:
    subprocess.run(["bash", "-n", ROOT / script], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", ROOT / script], check=True)


def test_arguments_and_exit_code_pass_through_and_a_later_start_says_nothing(ready: Checkout) -> None:
    code, out, err = ready.start("a b", "seven", "*")
    assert (code, err) == (7, "")
    assert "arguments ['a b', 'seven', '*']" in out


def test_it_starts_through_a_link_and_beside_a_folder_called_labs(ready: Checkout, tmp_path: Path) -> None:
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs/cli.py").write_text("raise SystemExit('the wrong labs')")
    link = tmp_path / "another name"
    link.symlink_to(ready.root / "shoplab")
    environ = {**os.environ, "SHOPLAB_VENVS": str(ready.venvs)}
    subprocess.run([link], cwd=tmp_path, env=environ, check=True, capture_output=True)


def test_a_state_folder_is_the_same_one_wherever_it_is_asked_for(ready: Checkout) -> None:
    assert f"state {ready.root.parent}/shops" in ready.start(SHOPLAB_STATE="shops")[1]


def test_a_later_start_adds_little_to_python(ready: Checkout) -> None:
    before = time.monotonic()
    for _ in range(5):
        ready.start()
    assert (time.monotonic() - before) / 5 < 1


def test_two_first_starts_at_once_make_one_environment(fresh: Checkout) -> None:
    with fresh.popen("one") as one, fresh.popen("two") as two:
        outputs = [process.communicate(timeout=180) for process in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0), outputs
    assert len(fresh.complete()) == 1
    assert sum("first start" in err for _, err in outputs) == 1


def test_an_interrupted_first_start_is_taken_up_again(fresh: Checkout) -> None:
    with fresh.popen() as first:
        assert first.stderr and "first start" in first.stderr.readline()
        first.kill()
    assert fresh.complete() == []
    assert fresh.start()[0] == 0
    assert len(fresh.complete()) == 1


def test_a_lock_that_cannot_be_installed_is_explained_and_the_next_lock_gets_an_environment(fresh: Checkout) -> None:
    fresh.lock("there-is-no-such-package==0.0.1\n")
    code, _, err = fresh.start(PIP_NO_INDEX="1")
    assert (code, "there-is-no-such-package" in err, fresh.complete()) == (1, True, [])
    assert "installing the Python packages failed" in err.splitlines()[-1]
    fresh.lock("# nothing again\n")
    assert fresh.start()[0] == 0


def test_an_environment_whose_python_went_away_does_not_count(fresh: Checkout) -> None:
    fresh.start()
    python = fresh.complete()[0] / "bin/python"
    python.unlink()
    python.symlink_to("/usr/bin/python-that-was")
    code, _, err = fresh.start()
    assert (code, "first start" in err) == (0, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's shop drops its privileges")
def test_roots_environment_is_readable_by_everybody_whatever_the_umask(fresh: Checkout) -> None:
    before = os.umask(0o077)
    try:
        fresh.start()
    finally:
        os.umask(before)
    folder = fresh.complete()[0]
    assert [place.stat().st_mode & 0o055 for place in (fresh.venvs, folder, folder / "bin", folder / "pyvenv.cfg")] == [
        0o055,
        0o055,
        0o055,
        0o044,
    ]


def test_a_store_that_cannot_be_written_is_named(fresh: Checkout) -> None:
    fresh.venvs.touch()
    code, _, err = fresh.start()
    assert (code, f"cannot write in {fresh.venvs}" in err) == (1, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_normal_user_gets_an_environment_of_their_own() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program, home = make_checkout(Path(folder)).root / "shoplab", Path(folder) / "home"
        home.mkdir()
        shutil.chown(home, "nobody")
        environ = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
        as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", str(program)]
        done = subprocess.run(as_nobody, env=environ, cwd="/", capture_output=True, text=True, check=False)
    assert f"below {home}/.local/share/shoplab/venv-" in done.stdout, done.stderr


# ---------------------------------------------------------------- packages of the system, with an apt-get of our own

APT = """#!/bin/bash
echo "$@" >> "$ROOT/asked"
[[ $FAILS -lt $(wc -l < "$ROOT/asked") ]] || { echo 'E: Unable to locate package'; exit 100; }
cat "$ROOT/usr/sbin/policy-rc.d" > "$ROOT/policy"
cat "$ROOT/etc/postgresql-common/createcluster.d/"* > "$ROOT/clusters"
ln -s x "$ROOT/etc/systemd/system/multi-user.target.wants/nginx.service"
ln -s x "$ROOT/etc/rc2.d/S01nginx"
sleep "${SLEEP:-0}"
"""


@dataclass(frozen=True)
class System:
    """A root folder with the few places that installing packages touches, and the real `shoplab` aimed at it."""

    root: Path

    def popen(self, script: str, **environment: str) -> subprocess.Popen[str]:
        path = f"{self.root}/bin:{os.environ['PATH']}"
        environ = {**os.environ, "ROOT": str(self.root), "PATH": path, "FAILS": "0", **environment}
        whole = f'source "{ROOT}/shoplab"; system=$ROOT; {script}'
        argv = ["bash", "-c", whole]
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, env=environ, stdin=subprocess.DEVNULL, stderr=pipe, text=True)

    def run(self, script: str, **environment: str) -> tuple[int, str]:
        with self.popen(script, **environment) as process:
            _, err = process.communicate(timeout=60)
        return process.returncode, err

    def services(self) -> list[str]:
        return sorted(link.name for link in (self.root / "etc").rglob("*") if link.is_symlink())

    def left_behind(self) -> list[Path]:
        return [*self.root.glob("usr/sbin/*"), *self.root.glob("etc/postgresql-common/createcluster.d")]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    for folder in ("run", "usr/sbin", "bin", "etc/rc2.d", "etc/systemd/system/multi-user.target.wants"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/rc2.d/S01cron").symlink_to("x")
    (tmp_path / "bin/apt-get").write_text(APT)
    (tmp_path / "bin/apt-get").chmod(0o755)
    yield System(tmp_path)


def test_while_packages_are_installed_no_service_may_start_and_none_stays_enabled(system: System) -> None:
    code, err = system.run("install_packages nginx")
    assert code == 0, err
    assert "exit 101" in (system.root / "policy").read_text()
    assert "create_main_cluster = false" in (system.root / "clusters").read_text()
    assert system.services() == ["K01nginx", "S01cron"]
    assert system.left_behind() == []


def test_lists_are_fetched_when_a_package_is_unknown(system: System) -> None:
    assert system.run("install_packages nginx", FAILS="1")[0] == 0
    verbs = [line.split()[0] for line in (system.root / "asked").read_text().splitlines()]
    assert verbs[:2] == ["install", "update"]


def test_an_installation_that_fails_shows_why_and_leaves_nothing_behind(system: System) -> None:
    code, err = system.run("install_packages nginx", FAILS="9")
    assert (code, "Unable to locate package" in err, system.left_behind()) == (1, True, [])


def test_an_interrupted_installation_leaves_nothing_behind(system: System) -> None:
    with system.popen("install_packages nginx", SLEEP="1") as process:
        while not (system.root / "etc/rc2.d/S01nginx").is_symlink() and process.poll() is None:
            time.sleep(0.02)
        process.terminate()
        process.communicate(timeout=60)
    assert (process.returncode, system.services(), system.left_behind()) == (130, ["K01nginx", "S01cron"], [])


def test_a_policy_that_is_there_already_is_left_alone(system: System) -> None:
    policy = system.root / "usr/sbin/policy-rc.d"
    policy.write_text("the administrator's own\n")
    system.run("install_packages nginx")
    assert policy.read_text() == (system.root / "policy").read_text() == "the administrator's own\n"


def test_who_may_not_install_gets_the_exact_command(system: System) -> None:
    become_nobody = "sudo() { return 1; }; is_root() { return 1; }; "
    code, err = system.run(become_nobody + "get_packages nginx memcached")
    assert code == 1
    assert f"{ROOT}/shoplab --install-packages nginx memcached" in err


def test_without_apt_the_packages_are_named(system: System) -> None:
    code, err = system.run("docker() { return 1; }; PATH=/nowhere; get_packages nginx memcached")
    assert (code, "no apt-get" in err, "nginx memcached" in err) == (1, True, True)


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        ("up", True),
        ("up --runtime local --name x", True),
        ("lab run balancing-policies", False),
        ("test", True),
        ("test --fast", False),
        ("up --runtime containers", False),
        ("up --runtime=containers", False),
        ("up --help", False),
        ("up -h", False),
        ("doctor", False),
        ("", False),
    ],
)
def test_only_commands_that_start_servers_need_them(system: System, command: str, needed: bool) -> None:
    code, _ = system.run(f"needs_servers {command}")
    assert (code == 0) is needed


@pytest.mark.parametrize(
    ("command", "asked"), [("bench load", "wrk"), ("test", "chromium wrk"), ("test --fast", ""), ("up", "")]
)
def test_what_only_tests_and_measurements_need_is_asked_for_by_them_alone(
    system: System, command: str, asked: str
) -> None:
    bare = "missing_python() { :; }; missing_servers() { :; }; missing_browser() { echo chromium; }; "
    code, _ = system.run(f'{bare} command() {{ return 1; }}; [[ $(echo $(missing_packages {command})) == "{asked}" ]]')
    assert code == 0


@pytest.mark.parametrize(
    ("command", "asked"), [("up", ""), ("up --runtime local", "nginx"), ("lab run balancing-policies", "")]
)
def test_where_a_container_engine_answers_up_asks_for_no_servers(system: System, command: str, asked: str) -> None:
    bare = "missing_python() { :; }; missing_servers() { echo nginx; }; docker() { :; }; an_engine_answers() { :; }; "
    code, _ = system.run(f'{bare} [[ $(missing_packages {command}) == "{asked}" ]]')
    assert code == 0
