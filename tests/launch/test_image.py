from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from thaiocr.cli import docker as verb
from thaiocr.cli.main import main
from thaiocr.errors import EnvironmentProblem
from thaiocr.launch import image
from thaiocr.launch.image import ENGINES, GPUS, build, build_command, find_engine, push, recipe

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-token"
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
DEPENDENCIES = re.findall('"(.+?)"', PYPROJECT.partition("\ndependencies = [")[2].partition("\n]")[0])


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH; the tests put engines there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: Path, engine: str, script: str) -> Path:
    """Put a stand-in for an engine on PATH, which logs its command lines; returns the log."""
    log = folder.parent / "log"
    program = folder / engine
    program.write_text(f'#!{shutil.which("sh", path="/bin:/usr/bin")}\necho "$*" >>{log}\n{script}\n')
    program.chmod(0o755)
    return log


def test_the_dockerfile_is_clean() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    found = subprocess.run([linter, str(ROOT / "docker/Dockerfile")], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_the_dockerfiles_own_wheel_is_the_default_of_the_verb() -> None:
    """So that a plain `docker build` makes the same image, with the version that the project pins."""
    lines = (ROOT / "docker/Dockerfile").read_text("utf-8").splitlines()
    defaults = dict(line.removeprefix("ARG ").split("=", 1) for line in lines if line.startswith("ARG "))
    arguments = recipe("cu118").arguments
    assert arguments == {name: defaults[name] for name in arguments}
    assert defaults.keys() - arguments.keys() == {"BASE_IMAGE"}


@pytest.mark.parametrize("gpu", GPUS)
def test_every_kind_of_image_has_paddle_of_the_pinned_version(gpu: image.Gpu) -> None:
    (pinned,) = (each for each in DEPENDENCIES if each.startswith("paddlepaddle=="))
    arguments = recipe(gpu).arguments
    assert arguments["PADDLE_PKG"].replace("-gpu", "") == pinned
    assert arguments["PADDLE_INDEX"].endswith(f"/{gpu}/") is (gpu != "cpu")


def test_the_context_is_what_the_dockerfile_copies_and_nothing_else() -> None:
    files = recipe("cpu").files
    assert {"pyproject.toml", "docker/Dockerfile", "docker/requirements.py", "thai_letters/th_dict.txt"} <= files.keys()
    tops = ("src/thaiocr/", "thai_letters/", "docker/", "pyproject.toml")
    assert [place for place in files if not place.startswith(tops)] == []
    assert [place for place in files if "__pycache__" in place] == []
    assert sum(path.stat().st_size for path in files.values()) < 3_000_000


@pytest.mark.skipif(sys.version_info < (3, 11), reason="runs in the image, whose Python is 3.11 or newer")
def test_requirements_are_all_dependencies_but_paddle_and_opencvs_windows(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "docker/requirements.py"):
        shutil.copy(ROOT / name, tmp_path)
    found = subprocess.run(
        [sys.executable, str(tmp_path / "requirements.py")], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(found) == len(DEPENDENCIES) - 1
    assert [each for each in found if each.startswith(("paddlepaddle", "opencv"))] == [
        each.replace("python", "python-headless") for each in DEPENDENCIES if each.startswith("opencv")
    ]


def test_the_tag_changes_with_every_input_and_only_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = recipe("cpu").tag
    assert first == recipe("cpu").tag
    assert first.startswith("cpu-")
    others = {recipe("cu118").tag.partition("-")[2], recipe("cpu", base_image="debian").tag.partition("-")[2]}
    assert first.partition("-")[2] not in others

    files = dict(recipe("cpu").files)
    changed = tmp_path / "changed.py"
    changed.write_text("# changed\n")
    for place in ("src/thaiocr/engine/loop.py", "docker/Dockerfile", "thai_letters/th_dict.txt", "src/thaiocr/new.py"):
        monkeypatch.setattr(image, "_context", lambda place=place: {**files, place: changed})
        assert recipe("cpu").tag != first, place


def test_every_engine_builds_what_sagemaker_takes() -> None:
    for engine in ENGINES:
        command = build_command(recipe("cpu"), engine, "CONTEXT", ["--volume=a:b"])
        assert command[0] == engine
        assert "--platform=linux/amd64" in command, "an image made on another machine would not start"
        assert command[-2:] == ["--volume=a:b", "CONTEXT"]
        kind = "--output=type=docker" if engine == "docker" else "--format=docker"
        assert kind in command, "SageMaker refuses OCI's media types"
    assert "--provenance=false" in build_command(recipe("cpu"), "docker", "CONTEXT"), "SageMaker refuses an index"


def test_the_verbs_choices_are_those_of_the_library() -> None:
    assert tuple(ENGINES) == verb.ENGINE_NAMES
    assert tuple(GPUS) == verb.GPU_NAMES


def test_an_image_that_is_there_is_not_built_again(engines: Path) -> None:
    log = install(engines, "podman", "exit 0")
    chosen = recipe("cpu")
    assert not build(chosen, "podman", echo=print).is_new
    assert log.read_text() == f"image exists {chosen.image}\n"


def test_an_image_that_is_missing_is_built_from_a_whole_context_and_gets_both_names(engines: Path) -> None:
    check = 'case "$1" in image) exit 1;; build) for last; do :; done; /bin/ls "$last";; esac'
    log = install(engines, "docker", check)
    chosen = recipe("cpu", base_image="debian@sha256:1")
    lines: list[str] = []
    built = build(chosen, "docker", options=["--no-cache"], name="mine:1", echo=lines.append)
    assert (built.image, built.is_new, lines) == ("mine:1", True, ["docker", "pyproject.toml", "src", "thai_letters"])
    _, command, tag = log.read_text().splitlines()
    assert "--build-arg=BASE_IMAGE=debian@sha256:1 --no-cache /" in command
    assert tag == f"tag {chosen.image} mine:1"


def test_a_failing_engine_is_quoted(engines: Path) -> None:
    install(engines, "docker", 'echo "Cannot connect to the Docker daemon" >&2; exit 7')
    with pytest.raises(EnvironmentProblem, match="docker build ended with exit code 7:\nCannot connect to the Docker"):
        build(recipe("cpu"), "docker", echo=lambda _line: None)


def test_engines_are_found_in_order_and_missing_ones_named(engines: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="install one of docker, podman, buildah"):
        find_engine()
    install(engines, "buildah", "")
    assert find_engine() == "buildah"
    install(engines, "podman", "")
    assert find_engine() == "podman"
    with pytest.raises(EnvironmentProblem, match="docker is not installed; choose another engine"):
        build(recipe("cpu"), "docker", echo=print)


def pushed(engine: str, folder: Path, script: str) -> tuple[str, str, Sequence[str]]:
    """Push with a stand-in; returns digest, its command lines, and what was echoed."""
    log = install(folder, engine, script)
    lines: list[str] = []
    digest = push(
        engine,
        "thaiocr:1",
        "1.dkr.ecr.eu-west-1.amazonaws.com/thaiocr:cpu-1",
        username="AWS",
        password=SECRET,
        registry_host_override="http://localhost:5000",
        echo=lines.append,
    )
    return digest, log.read_text(), lines


def test_docker_logs_in_through_its_input_and_tells_the_digest(engines: Path) -> None:
    digest = f"sha256:{'a' * 64}"
    script = (
        f'case "$1" in login) read -r word; [ "$word" = {SECRET} ];; push) echo "1: digest: {digest} size: 3";; esac'
    )
    found, log, lines = pushed("docker", engines, script)
    assert found == digest
    assert log.splitlines() == [
        "login --username=AWS --password-stdin localhost:5000",
        "tag thaiocr:1 localhost:5000/thaiocr:cpu-1",
        "push localhost:5000/thaiocr:cpu-1",
    ]
    assert lines == [f"1: digest: {digest} size: 3"]


@pytest.mark.parametrize("engine", ["podman", "buildah"])
def test_the_others_keep_the_login_in_a_file_that_goes(engines: Path, engine: str) -> None:
    digest = f"sha256:{'b' * 64}"
    script = f"""case "$1" in
login) read -r word; [ "$word" = {SECRET} ] ;;
push) for word; do case "$word" in --digestfile=*) printf {digest} >"${{word#*=}}";; esac; done ;;
esac"""
    found, log, _ = pushed(engine, engines, script)
    assert found == digest
    assert SECRET not in log
    login, sent = log.splitlines()
    file = Path(next(word for word in login.split() if word.startswith("--authfile=")).partition("=")[2])
    assert not file.parent.exists()
    assert f"--authfile={file} --tls-verify=false" in sent
    assert sent.endswith("thaiocr:1 docker://localhost:5000/thaiocr:cpu-1")


def test_a_refused_login_names_the_engines_reason_and_no_secret(engines: Path) -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        pushed("docker", engines, "echo 'unauthorized: token expired'; exit 1")
    assert str(caught.value) == "docker login ended with exit code 1:\nunauthorized: token expired"


def test_a_dry_run_prints_the_command_and_runs_nothing(engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["docker", "build", "--gpu", "cpu", "--engine", "podman", "--dry-run", "--", "--volume", "a:b"]
    assert main(words) == 0
    assert capsys.readouterr().out.endswith("--build-arg=PADDLE_INDEX= --volume a:b CONTEXT\n")


@pytest.mark.parametrize(("present", "said"), [(0, "there already, nothing to build"), (1, "built")])
def test_the_verb_says_whether_it_built(
    engines: Path, capsys: pytest.CaptureFixture[str], present: int, said: str
) -> None:
    install(engines, "podman", f'case "$1" in image) exit {present};; esac')
    words = ["docker", "build", "--gpu", "cpu"]
    assert main(words) == 0
    image_name = recipe("cpu").image
    assert capsys.readouterr().out == f"{image_name}: {said}\n"
    assert main([*words, "--tag", "mine:1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"image": "mine:1", "engine": "podman", "built": bool(present)}


@pytest.mark.slow
def test_the_wheel_holds_all_that_the_image_is_made_of(tmp_path: Path) -> None:
    """An installed package makes the very image that a checkout makes."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(tmp_path / "site"), str(wheel)], check=True)
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import thaiocr; " + (
        "from thaiocr.launch.image import recipe; print(thaiocr.__file__, recipe('cu126').tag)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert found.stdout.split() == [str(tmp_path / "site/thaiocr/__init__.py"), recipe("cu126").tag]
