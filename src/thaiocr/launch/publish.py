"""The image that matches this version of thaiocr, in the account's registry: found there, or built and pushed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from thaiocr.errors import EnvironmentProblem
from thaiocr.launch.aws import Aws
from thaiocr.launch.image import Echo, Gpu, Recipe, build, find_engine, push, recipe
from thaiocr.launch.plan import is_gpu
from thaiocr.launch.registry import find_digest, login, registry_host

HOST_VARIABLE: Final = "THAIOCR_REGISTRY_HOST"
"""Environment variable: a host to push to in place of ECR's own, such as a mirror in front of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """An image and where it is, or is to be."""

    recipe: Recipe
    repository: str
    """`<registry>/<repository>`."""
    digest: str | None
    """None: it has not been pushed yet."""

    @property
    def image(self) -> str:
        """The image by its digest, before the push by its tag."""
        return f"{self.repository}:{self.recipe.tag}" if self.digest is None else f"{self.repository}@{self.digest}"


def gpu_of(instance_type: str) -> Gpu:
    """Return the kind of image that an instance type needs."""
    return "cu118" if is_gpu(instance_type) else "cpu"


def look_up(aws: Aws, repository: str, instance_type: str, base_image: str | None) -> Publication:
    """Return the image for a kind of instance; nothing is built.

    Args:
        aws: Clients.
        repository: Name in ECR.
        instance_type: Decides for which machines the image is.
        base_image: As for `recipe`.

    Raises:
        EnvironmentProblem: see `asking`.
    """
    chosen = recipe(gpu_of(instance_type), base_image=base_image)
    host = registry_host(aws.account(), aws.region)
    digest = find_digest(aws, repository, chosen.tag)
    return Publication(recipe=chosen, repository=f"{host}/{repository}", digest=digest)


def publish(aws: Aws, wanted: Publication, *, engine: str | None, echo: Echo) -> str:
    """Build the image where it is not built, push it, and return it by its digest.

    Raises:
        EnvironmentProblem: no container engine, or it fails; see also `asking`.
    """
    chosen_engine = engine or find_engine()
    built = build(wanted.recipe, chosen_engine, echo=echo)
    access = login(aws)
    try:
        digest = push(
            chosen_engine,
            built.image,
            f"{wanted.repository}:{wanted.recipe.tag}",
            username=access.username,
            password=access.password,
            registry_host_override=os.environ.get(HOST_VARIABLE),
            echo=echo,
        )
    except EnvironmentProblem:
        # Somebody else has pushed this tag meanwhile, and tags are never overwritten: theirs is made of the same files.
        pushed = find_digest(aws, wanted.repository.partition("/")[2], wanted.recipe.tag)
        if pushed is None:
            raise
        digest = pushed
    return f"{wanted.repository}@{digest}"
