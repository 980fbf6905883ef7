"""The image as it is, built and run as SageMaker runs it. The first run on a machine takes minutes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import container_image
import opt_ml
import pytest
import registry
import tiny

from thaiocr.errors import EnvironmentProblem
from thaiocr.launch.container import STOPPED
from thaiocr.launch.image import Built, Recipe, build, push, recipe
from thaiocr.predict.bundle import open_bundle

MISSING = container_image.why_not() or registry.why_not()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=MISSING)]
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def settings_of_buildah() -> Iterator[None]:
    with container_image.settings():
        yield


@pytest.fixture(scope="module")
def chosen() -> Recipe:
    with container_image.settings():
        return recipe("cpu", base_image=container_image.base_image())


@pytest.fixture(scope="module")
def image(chosen: Recipe, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image for the CPU."""
    options = container_image.build_options(tmp_path_factory.mktemp("pip"))
    with container_image.settings():
        return build(chosen, "buildah", options=options, echo=print).image


def run(name: str, *words: str, root: Path, options: tuple[str, ...] = ()) -> tuple[int, str, str]:
    volumes = [f"{root}:/opt/ml"]
    with container_image.running(name, words, volumes=volumes, options=options) as process:
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err


def test_an_image_that_is_there_is_not_built_again(chosen: Recipe, image: str) -> None:
    assert build(chosen, "buildah", echo=print) == Built(image=image, is_new=False)


def test_a_job_is_stopped_goes_on_in_a_new_container_and_its_bundle_reads(image: str, tmp_path: Path) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS)
    volumes = [f"{tmp_path}:/opt/ml"]
    with (
        container_image.container(image) as name,
        container_image.running(name, ["train"], volumes=volumes) as process,
    ):
        assert process.stdout is not None
        assert any("epoch 2 step 3: loss" in line for line in process.stdout)
        os.kill(container_image.first_process(process, "thaiocr.launch.container"), signal.SIGTERM)
        rest, err = process.communicate(timeout=120)
        assert process.returncode == STOPPED, rest + err
    assert (tmp_path / "checkpoints/latest.pdparams").is_file()
    assert not (tmp_path / "output/failure").exists()

    with container_image.container(image) as name:
        code, out, err = run(name, "train", root=tmp_path)
        assert code == 0, out + err
        assert "/opt/ml/checkpoints: going on from there" in out
        assert "epoch 1 step" not in out
        assert "epoch 3 step 6: acc" in out
        assert open_bundle(tmp_path / "model").dictionary.entries == tiny.ENTRIES

        words = ("predict", "--bundle", "/opt/ml/model", "/opt/ml/input/data/train/val/0000.png")
        tmp_path.chmod(0o755)
        code, out, err = run(name, *words, root=tmp_path, options=("--user=thaiocr",))
        assert (code, out.count(" → ")) == (0, 2), err


def test_a_wrong_hyperparameter_is_the_jobs_failure_reason(image: str, tmp_path: Path) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS, hyperparameters={"Global.epoch_num": "many"})
    with container_image.container(image) as name:
        code, out, _ = run(name, "train", root=tmp_path)
    message = "hyperparameter Global.epoch_num=many: expected a whole number, got text 'many'"
    assert (code, out.strip(), (tmp_path / "output/failure").read_text("utf-8")) == (2, message, message)


def test_a_missing_gpu_is_the_jobs_failure_reason(image: str, tmp_path: Path) -> None:
    opt_ml.write_job(tmp_path, *tiny.RUNS, hyperparameters={"Global.use_gpu": "true"})
    with container_image.container(image) as name:
        code, _, _ = run(name, "train", root=tmp_path)
    assert code == 5
    assert "nvidia-smi does not run here" in (tmp_path / "output/failure").read_text("utf-8")


def test_the_image_holds_code_outside_of_opt_ml_and_starts_it_without_a_shell(image: str) -> None:
    settings = container_image.settings_of(image)
    assert settings["Entrypoint"] == ["python", "-m", "thaiocr.launch.container"], "a shell would swallow SIGTERM"
    assert "PYTHONPATH=/opt/thaiocr/src" in settings["Env"]
    assert "User" not in settings, "SageMaker's folders belong to root"


def test_a_plain_build_in_a_checkout_sends_the_same_files(chosen: Recipe, tmp_path: Path) -> None:
    """`docker build -f docker/Dockerfile .`: `.dockerignore` lets through what `thaiocr docker build` puts together."""
    file = tmp_path / "Dockerfile"
    file.write_text("FROM scratch\nCOPY . /\n")
    name = "localhost/thaiocr-test-context:1"
    container_image.buildah("build", "--tag", name, "--file", str(file), str(ROOT))
    try:
        with container_image.container(name) as made:
            root = Path(container_image.buildah("mount", made).strip())
            found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    finally:
        container_image.buildah("rmi", name)
    assert found == chosen.files.keys() - {"docker/Dockerfile"}


# -- Registry ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_image(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    name = "localhost/thaiocr-test-small:1"
    container_image.buildah("build", "--format=docker", "--tag", name, str(folder))
    yield name
    container_image.buildah("rmi", name)


def test_a_push_tells_the_digest_and_a_wrong_password_its_reason(small_image: str, tmp_path: Path) -> None:
    destination = "123456789012.dkr.ecr.us-east-1.amazonaws.com/thaiocr:cpu-1"
    with registry.running(tmp_path, username="AWS", password="a-token") as server:

        def pushed(password: str) -> str:
            return push(
                "buildah",
                small_image,
                destination,
                username="AWS",
                password=password,
                registry_host_override=server.url,
                echo=lambda _line: None,
            )

        digest = pushed("a-token")
        assert digest == pushed("a-token") == server.digest("thaiocr", "cpu-1")
        with pytest.raises(EnvironmentProblem, match="buildah login ended with exit code"):
            pushed("wrong")
