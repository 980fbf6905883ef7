"""The container image: what it is made of, building it once, and pushing it to a registry.

An image is named after a hash of all that it is made of, so that one that is there need not be built again. The build
context is put together from the source checkout or, just as well, from the installed package.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, TypeAlias

import thaiocr
from thaiocr.errors import EnvironmentProblem

Gpu: TypeAlias = Literal["cu118", "cu126", "cpu"]
Echo: TypeAlias = Callable[[str], object]

REPOSITORY: Final = "thaiocr"
DOCKERFILE: Final = "docker/Dockerfile"
PADDLE_INDEX: Final = "https://www.paddlepaddle.org.cn/packages/stable/"
GPUS: Final[Mapping[Gpu, tuple[str, str]]] = {
    "cu118": ("paddlepaddle-gpu", f"{PADDLE_INDEX}cu118/"),
    "cu126": ("paddlepaddle-gpu", f"{PADDLE_INDEX}cu126/"),
    "cpu": ("paddlepaddle", ""),
}
"""Kind of image -> the wheel of paddle and its index; an empty one is pip's own."""

_PACKAGE: Final = Path(thaiocr.__file__).parent
_SHOWN_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class Engine:
    """The commands of one container engine; what differs between them."""

    build: tuple[str, ...]
    is_present: tuple[str, ...]
    """Succeeds when the image whose name follows is there."""
    has_digest_file: bool
    """Its push writes the digest to a file, and takes credentials from one."""


ENGINES: Final[Mapping[str, Engine]] = {
    # SageMaker takes a plain Docker manifest: no index, as provenance would make of it, and not OCI's media types.
    "docker": Engine(
        ("docker", "build", "--provenance=false", "--output=type=docker"), ("docker", "image", "inspect"), False
    ),
    "podman": Engine(("podman", "build", "--format=docker"), ("podman", "image", "exists"), True),
    "buildah": Engine(
        ("buildah", "build", "--layers", "--format=docker"), ("buildah", "inspect", "--type=image"), True
    ),
}
"""By preference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What an image is made of."""

    files: Mapping[str, Path]
    """Place in the build context -> file."""
    arguments: Mapping[str, str]
    """Build arguments of the Dockerfile."""
    tag: str
    """`<gpu>-<hash of files and arguments>`."""

    @property
    def image(self) -> str:
        """Name of the image on this machine."""
        return f"{REPOSITORY}:{self.tag}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """An image that is there now."""

    image: str
    is_new: bool
    """Built just now."""


def recipe(gpu: Gpu, *, base_image: str | None = None) -> Recipe:
    """Return what the image for a kind of machine is made of.

    Args:
        gpu: CUDA version of paddle's wheel, or cpu.
        base_image: Debian with Python 3.11 or newer, `python3 -m venv` included; left out, the Dockerfile's own.

    Raises:
        EnvironmentProblem: files of the package are missing.
    """
    files = _context()
    package, index = GPUS[gpu]
    arguments = {"PADDLE_PKG": f"{package}=={_paddle_version(files['pyproject.toml'])}", "PADDLE_INDEX": index}
    if base_image is not None:
        arguments["BASE_IMAGE"] = base_image
    digest = hashlib.sha256(repr(sorted(arguments.items())).encode())
    for place, file in sorted(files.items()):
        digest.update(f"{place}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return Recipe(files=files, arguments=arguments, tag=f"{gpu}-{digest.hexdigest()[:12]}")


def find_engine() -> str:
    """Return the first engine that is installed.

    Raises:
        EnvironmentProblem: none is.
    """
    for name in ENGINES:
        if shutil.which(name):
            return name
    raise EnvironmentProblem(f"no container engine here: install one of {', '.join(ENGINES)}")


def build_command(chosen: Recipe, engine: str, context: str, options: Sequence[str] = ()) -> list[str]:
    """Return the command that builds an image from a context folder.

    Args:
        chosen: What to build.
        engine: One of `ENGINES`.
        context: The folder that holds the recipe's files.
        options: More options of the engine's build command.
    """
    arguments = [f"--build-arg={name}={value}" for name, value in chosen.arguments.items()]
    # SageMaker's machines, whatever this one is.
    fixed = ["--platform=linux/amd64", f"--file={context}/{DOCKERFILE}", f"--tag={chosen.image}"]
    return [*ENGINES[engine].build, *fixed, *arguments, *options, context]


def build(chosen: Recipe, engine: str, *, options: Sequence[str] = (), name: str | None = None, echo: Echo) -> Built:
    """Build an image unless it is there.

    Args:
        chosen: What to build.
        engine: One of `ENGINES`.
        options: More options of the engine's build command, such as a volume with a company's certificates.
        name: A name for the image besides its own.
        echo: Gets the engine's lines.

    Raises:
        EnvironmentProblem: the engine is not installed, or fails.
    """
    is_new = not is_built(chosen, engine)
    if is_new:
        with TemporaryDirectory(prefix="thaiocr-build-") as context:
            for place, file in chosen.files.items():
                target = Path(context) / place
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
            _run(build_command(chosen, engine, context, options), echo=echo)
    if name is not None:
        _run([engine, "tag", chosen.image, name], echo=echo)
    return Built(image=name or chosen.image, is_new=is_new)


def is_built(chosen: Recipe, engine: str) -> bool:
    """Tell whether the image is on this machine.

    Raises:
        EnvironmentProblem: the engine is not installed.
    """
    return _start([*ENGINES[engine].is_present, chosen.image]).returncode == 0


def push(
    engine: str,
    image: str,
    destination: str,
    *,
    username: str,
    password: str,
    registry_host_override: str | None = None,
    echo: Echo,
) -> str:
    """Push an image; layers that the registry has are not sent again.

    Args:
        engine: One of `ENGINES`.
        image: Name on this machine.
        destination: `HOST/REPOSITORY:TAG`.
        username: For the registry.
        password: For the registry; never on a command line, where other users of the machine could read it.
        registry_host_override: Talk to this host instead of HOST; `http://…` without encryption, for a test.
        echo: Gets the engine's lines.

    Returns:
        The digest of the pushed image, `sha256:…`.

    Raises:
        EnvironmentProblem: the engine is not installed, or fails.
    """
    host, _, rest = destination.partition("/")
    is_plain = (registry_host_override or "").startswith("http://")
    host = re.sub("^https?://", "", registry_host_override or host)
    target = f"{host}/{rest}"
    login = [engine, "login", f"--username={username}", "--password-stdin"]
    if not ENGINES[engine].has_digest_file:
        _run([*login, host], echo=_ignore, text=password)
        _run([engine, "tag", image, target], echo=echo)
        return _digest("\n".join(_run([engine, "push", target], echo=echo)), target)
    with TemporaryDirectory(prefix="thaiocr-push-") as folder:
        common = [f"--authfile={folder}/auth.json", *(["--tls-verify=false"] if is_plain else [])]
        _run([*login, *common, host], echo=_ignore, text=password)
        _run([engine, "push", *common, f"--digestfile={folder}/digest", image, f"docker://{target}"], echo=echo)
        return _digest(Path(folder, "digest").read_text("utf-8"), target)


def _digest(text: str, target: str) -> str:
    found = re.findall("sha256:[0-9a-f]{64}", text)
    if not found:
        raise EnvironmentProblem(f"{target}: pushed, but the engine did not say under which digest")
    return str(found[-1])


# -- Context -----------------------------------------------------------------------------------------------------------


def _context() -> dict[str, Path]:
    """Return place in the context -> file; the same places from a checkout and from an installed package."""
    checkout = _PACKAGE.parents[1]
    if (checkout / DOCKERFILE).is_file():
        recipe_files, letters = checkout, checkout / "thai_letters"
    else:
        recipe_files, letters = _PACKAGE / "image", _PACKAGE / "thai_letters"
    files = {place: recipe_files / place for place in ("pyproject.toml", DOCKERFILE, "docker/requirements.py")}
    files |= {f"thai_letters/{path.name}": path for path in letters.glob("*.t[sx][tv]")}
    for path in _PACKAGE.rglob("*"):
        place = path.relative_to(_PACKAGE)
        is_ours = place.parts[0] not in ("image", "pretrained", "thai_letters") and "__pycache__" not in place.parts
        if is_ours and path.is_file():
            files[f"src/thaiocr/{place.as_posix()}"] = path
    missing = [str(file) for file in files.values() if not file.is_file()]
    if missing:
        raise EnvironmentProblem(f"{', '.join(missing)}: not there; install thaiocr again, or run in a source checkout")
    return files


def _paddle_version(pyproject: Path) -> str:
    found = re.search('"paddlepaddle==([^"]+)"', pyproject.read_text("utf-8"))
    assert found is not None, "pyproject.toml pins paddlepaddle"
    return found[1]


# -- Commands ----------------------------------------------------------------------------------------------------------


def _start(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise EnvironmentProblem(
            f"{command[0]} is not installed; choose another engine: {', '.join(ENGINES)}"
        ) from None


def _run(command: Sequence[str], *, echo: Echo, text: str | None = None) -> list[str]:
    """Run a command and return its lines; `text` goes to its standard input.

    Raises:
        EnvironmentProblem: it fails, or is not installed.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except FileNotFoundError:
        raise EnvironmentProblem(
            f"{command[0]} is not installed; choose another engine: {', '.join(ENGINES)}"
        ) from None
    lines = []
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # it ended without reading; its exit code tells more
            process.stdin.write(text or "")
            process.stdin.close()
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            echo(lines[-1])
    if process.returncode:
        said = "\n".join(lines[-_SHOWN_LINES:])
        raise EnvironmentProblem(f"{' '.join(command[:2])} ended with exit code {process.returncode}:\n{said}")
    return lines


def _ignore(_line: str) -> None:
    """Hear nothing of a login."""
