"""Print what the image installs besides paddle, from pyproject.toml, where it is written once."""

from pathlib import Path

import tomllib

project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text("utf-8"))["project"]
for requirement in project["dependencies"]:
    if not requirement.startswith("paddlepaddle"):
        print(requirement.replace("opencv-contrib-python", "opencv-contrib-python-headless"))  # noqa: T201 - its result
