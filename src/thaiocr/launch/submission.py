"""A launch: what to run (`new_job`, `resumed_job`), the exact request and its cost (`prepare`), doing it (`apply`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Final
from uuid import uuid4

from thaiocr.errors import UsageError
from thaiocr.launch import cost as costs
from thaiocr.launch.aws import Aws
from thaiocr.launch.container import METRIC_DEFINITIONS
from thaiocr.launch.jobs import Create, describe, submit, with_boto3
from thaiocr.launch.local import LocalRun, data_name
from thaiocr.launch.plan import Job, data_folder, hyperparameters, is_gpu, job_folder, job_name, request, resume_basis
from thaiocr.launch.settings import Settings
from thaiocr.launch.upload import Synced, sync
from thaiocr.progress import Progress

DEFAULT_INSTANCE: Final = "ml.g4dn.xlarge"
CONFIG: Final = "config"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a user says about the machines and the money."""

    instance_type: str | None = None
    instances: int | None = None
    volume_gb: int | None = None
    max_hours: float = 24
    max_cost: float | None = None
    """US dollars; shortens `max_hours`."""
    is_spot: bool = False
    max_wait_hours: float = 24
    """Spot: on top of the training."""
    keep_alive_minutes: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A plan that can be shown, and done."""

    request: Mapping[str, Any]
    cost: costs.Cost
    run: LocalRun | None
    """What has to be uploaded; None for a resumed job, whose files are there."""


def new_job(run: LocalRun, overrides: Sequence[str], settings: Settings, limits: Limits, image: str) -> dict[str, Any]:
    """Return the fields of `Job` for a training that was read here; name and limits are added by `prepare`."""
    settings.need("role", "bucket")
    assert settings.bucket is not None
    name = _name(run.config_name.rpartition(".")[0])
    own = job_folder(settings.bucket, settings.prefix, name)
    channels = {
        channel: data_folder(settings.bucket, settings.prefix, data_name(folder))
        for channel, folder in run.data.items()
    }
    instance = limits.instance_type or DEFAULT_INSTANCE
    return {
        "name": name,
        "role": settings.role,
        "image": image,
        "hyperparameters": hyperparameters(run.config_name, overrides, instance),
        "channels": {**channels, CONFIG: f"{own}/{CONFIG}"},
        "output_uri": own.rpartition("/")[0],
        "checkpoint_uri": f"{own}/checkpoints",
        "instance_type": instance,
        "instances": limits.instances or 1,
        "volume_gb": limits.volume_gb or Job.__dataclass_fields__["volume_gb"].default,
    }


def resumed_job(aws: Aws, earlier: str, overrides: Sequence[str], limits: Limits) -> dict[str, Any]:
    """Return the fields of `Job` for one that goes on where another stopped: same files, image and checkpoints.

    Raises:
        UsageError: there is no such job, it runs, or it kept no checkpoints.
        EnvironmentProblem: see `asking`.
    """
    fields = resume_basis(describe(aws, earlier))
    changed = {"instance_type": limits.instance_type, "instances": limits.instances, "volume_gb": limits.volume_gb}
    fields |= {name: value for name, value in changed.items() if value is not None}
    # The same job on another kind of instance must not look for a GPU that is not there.
    use_gpu = {"Global.use_gpu": str(is_gpu(fields["instance_type"])).lower()}
    own = {key.strip(): value.strip() for key, _, value in (text.partition("=") for text in overrides)}
    fields["hyperparameters"] = {**fields["hyperparameters"], **use_gpu, **own}
    return {**fields, "name": _name(earlier.rsplit("-", 3)[0])}


def prepare(
    fields: Mapping[str, Any], settings: Settings, limits: Limits, run: LocalRun | None, region: str | None
) -> Prepared:
    """Add limits and tags; return the request and its cost.

    Raises:
        UsageError: SageMaker would refuse it, or `max_cost` cannot be kept.
    """
    kind, instances = fields["instance_type"], fields["instances"]
    per_hour, source = costs.price(kind, region, settings.prices)
    keep_alive, seconds = round(limits.keep_alive_minutes * 60), round(limits.max_hours * 3600)
    if limits.max_cost is not None:
        seconds = min(seconds, costs.affordable_seconds(limits.max_cost, per_hour, instances, keep_alive))
    job = Job(
        **fields,
        max_seconds=seconds,
        wait_seconds=round(limits.max_wait_hours * 3600) if limits.is_spot else None,
        keep_alive_seconds=keep_alive,
        tags=settings.tags,
    )
    found = costs.cost(
        price_per_hour=per_hour,
        price_from=source,
        instances=instances,
        max_seconds=seconds,
        keep_alive_seconds=keep_alive,
        is_spot=limits.is_spot,
        images=run.images if run else None,
        images_per_s=settings.speeds.get(kind),
    )
    return Prepared(request=request(job, METRIC_DEFINITIONS), cost=found, run=run)


def apply(
    aws: Aws, prepared: Prepared, *, progress: Progress, say: Callable[[str], object], create: Create = with_boto3
) -> str:
    """Upload what is missing and create the job; returns its ARN.

    Args:
        aws: Clients.
        prepared: The plan.
        progress: Shows the uploads.
        say: Gets what was sent.
        create: What sends the request.

    Raises:
        DataError: a file cannot be read.
        EnvironmentProblem: see `asking`.
    """
    if prepared.run is not None:
        run = prepared.run
        uris = {
            each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"]
            for each in prepared.request["InputDataConfig"]
        }
        for channel, files in (*run.data_files.items(), (CONFIG, run.config_files)):
            say(_sent(channel, uris[channel], sync(aws, files, uris[channel], progress=progress)))
    return submit(aws, prepared.request, create)


def with_image(prepared: Prepared, image: str) -> Prepared:
    """Return the plan with another image."""
    algorithm = {**prepared.request["AlgorithmSpecification"], "TrainingImage": image}
    return replace(prepared, request={**prepared.request, "AlgorithmSpecification": algorithm})


def check_instance_type(name: str) -> None:
    """Check against the list that botocore knows.

    Raises:
        UsageError: no such type; names the nearest.
    """
    import botocore.session

    from thaiocr.errors import did_you_mean

    model = botocore.session.get_session().get_service_model("sagemaker")
    known = model.shape_for("TrainingInstanceType").enum
    if name not in known:
        raise UsageError(f"--instance-type: SageMaker has no {name}{did_you_mean(name, known)}")


def _name(label: str) -> str:
    return job_name(label, datetime.now(timezone.utc), uuid4().hex[:4])


def _sent(channel: str, uri: str, synced: Synced) -> str:
    extra = f"; {synced.extra} files there are not here" if synced.extra else ""
    size = f"{synced.sent_bytes / 1e6:.1f} MB"
    return f"channel {channel}: {synced.sent} of {synced.files} files sent ({size}) to {uri}{extra}"
