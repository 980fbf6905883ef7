"""PaddleOCR and thaiocr in turns: a training step, and the images that reach the network; one JSON line.

    PADDLEOCR=~/PaddleOCR python bench/compare_paddleocr.py [--width 100] [--batch 128] [--classes 881] [--seconds 60]

The step is forward, CTC loss, backward and Adam of the CRNN (MobileNetV3-large 0.5) on random images, in one
process and in as many processes as there are cores, which share the batch and do not exchange gradients. The stock step
runs through paddle's own operations, as a training of PaddleOCR does, without what thaiocr sets for matrix products.

PADDLEOCR names a checkout of PaddleOCR whose requirements are installed. With it the stock step is that of PaddleOCR's
own network and loss, and its `SimpleDataSet` and `DataLoader` are measured against the pack, on the same JPEG files.
Without it the network is thaiocr's, which tests/golden shows to compute the same, and the data are left out.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from workers import serve, side_by_side

from thaiocr.bench.measure import Figure, Result, machine, rates, take_turns
from thaiocr.cli.common import bar

PADDLEOCR = os.environ.get("PADDLEOCR")
STOCK = {"THAIOCR_FAST_CPU": "0"}


def main() -> None:
    """Run the comparison, or be one of its workers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--classes", type=int, default=881)
    parser.add_argument("--images", type=int, default=4000, help="of an epoch of data")
    parser.add_argument("--seconds", type=float, default=60, help="for each of the two")
    parser.add_argument("--worker", choices=("paddleocr", "thaiocr"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        serve({"paddleocr": paddleocr_step, "thaiocr": thaiocr_step}[args.worker](args))
    else:
        compare(args)


def compare(args: argparse.Namespace) -> None:
    """Measure all in turns and print."""
    before = machine()
    figures = compare_steps(args, before["cores"])
    if PADDLEOCR:
        figures += compare_data(args, before["cores"])
    medians = {figure.name: figure.median for figure in figures}
    stock = next(name for name in medians if name.startswith("stock step, 1"))
    ours = max(median for name, median in medians.items() if name.startswith("thaiocr's step"))
    result = Result(
        bench="compare_paddleocr",
        figures=figures,
        options={"width": args.width, "batch": args.batch, "classes": args.classes, "checkout": bool(PADDLEOCR)},
        ratios={"thaiocr at its best / stock, 1 process": ours / medians[stock]},
        machine=before,
    )
    print(json.dumps(result.to_json()))


def compare_steps(args: argparse.Namespace, cores: int) -> list[Figure]:
    """Return the images per second of training steps."""

    def words(name: str, batch: int) -> list[str]:
        size = ["--width", str(args.width), "--batch", str(batch), "--classes", str(args.classes)]
        return [sys.executable, __file__, "--worker", name, *size]

    share = args.batch // cores
    stock = f"stock step, {{}} of {'PaddleOCR' if PADDLEOCR else 'paddle'}"
    setups: dict[str, tuple[list[str], int, Mapping[str, str]]] = {
        stock.format("1 process"): (words("paddleocr", args.batch), 1, STOCK),
        stock.format(f"{cores} processes"): (words("paddleocr", share), cores, STOCK),
        "thaiocr's step, 1 process": (words("thaiocr", args.batch), 1, {}),
        f"thaiocr's step, {cores} processes": (words("thaiocr", share), cores, {}),
    }
    with ExitStack() as stack:
        ways = {name: stack.enter_context(side_by_side(*setup)) for name, setup in setups.items()}
        times = take_turns(ways, seconds=args.seconds, label="training steps", progress=bar)
    return rates(times, share * cores)


def thaiocr_step(args: argparse.Namespace) -> Callable[[], None]:
    """Return one training step as `thaiocr bench step` measures it."""
    from thaiocr.bench.step import Size, make_step
    from thaiocr.models import fast

    fast.tune_process()
    return make_step(Size(width=args.width, batch=args.batch, classes=args.classes))


def paddleocr_step(args: argparse.Namespace) -> Callable[[], None]:
    """Return one training step through paddle's own operations."""
    from thaiocr.bench.step import Size, make_step

    size = Size(width=args.width, batch=args.batch, classes=args.classes)
    if not PADDLEOCR:
        return make_step(size)
    import paddle

    sys.path.insert(0, PADDLEOCR)
    from ppocr.losses import build_loss
    from ppocr.modeling.architectures import build_model

    model = build_model(
        {
            "model_type": "rec",
            "algorithm": "CRNN",
            "Transform": None,
            "Backbone": {"name": "MobileNetV3", "model_name": "large", "scale": 0.5},
            "Neck": {"name": "SequenceEncoder", "encoder_type": "rnn", "hidden_size": 96},
            "Head": {"name": "CTCHead", "out_channels": args.classes, "fc_decay": 1e-5},
        }
    )
    model.train()
    optimizer = paddle.optimizer.Adam(parameters=model.parameters())
    loss = build_loss({"name": "CTCLoss"})
    x_N3HW = paddle.rand([args.batch, 3, 32, args.width])
    labels_N1, lengths_N = paddle.ones([args.batch, 1], dtype="int32"), paddle.ones([args.batch], dtype="int64")

    def step() -> None:
        loss(model(x_N3HW), [x_N3HW, labels_N1, lengths_N])["loss"].backward()
        optimizer.step()
        optimizer.clear_grad()

    return step


def compare_data(args: argparse.Namespace, cores: int) -> list[Figure]:
    """Return the images per second that reach the network."""
    from thaiocr.bench.data import ENTRIES, Feed, cache_in, draw_files, serve_packed
    from thaiocr.config import schema
    from thaiocr.data.dataset import load_dataset
    from thaiocr.data.labels import Limits
    from thaiocr.data.loader import Batches
    from thaiocr.progress import silent
    from thaiocr.text.codec import Codec
    from thaiocr.text.dictionary import Dictionary

    feed = Feed(width=args.width, batch=args.batch, images=args.images)
    with tempfile.TemporaryDirectory() as name, cache_in(Path(name, "cache")):
        dataset, dictionary = draw_files(Path(name), feed), Dictionary(ENTRIES)
        dictionary.save(Path(name, "dict.txt"))
        data = load_dataset(dataset, Codec(dictionary), Limits(1), seed=0, progress=silent)
        batches = Batches(data, schema.Loader(batch_size_per_card=args.batch, shuffle=True), seed=0)
        ways: dict[str, Callable[[], None]] = {}
        for workers in dict.fromkeys((0, 1, cores)):
            loader = paddleocr_loader(dataset, Path(name, "dict.txt"), args, workers)
            ways[f"PaddleOCR's data, {workers} worker{'s' * (workers != 1)}"] = partial(serve_all, loader, args.images)
        for workers in dict.fromkeys((1, cores)):
            ways[f"thaiocr's data, {workers} thread{'s' * (workers != 1)}"] = partial(serve_packed, batches, workers)
        times = take_turns(ways, seconds=args.seconds, label="epochs of data", progress=bar)
    return rates(times, args.images)


def paddleocr_loader(dataset: Any, dictionary: Path, args: argparse.Namespace, workers: int) -> Iterable[Any]:
    """Return PaddleOCR's loader of a data set."""
    assert PADDLEOCR is not None
    sys.path.insert(0, PADDLEOCR)
    import paddle
    from ppocr.data import build_dataloader

    config = {
        "Global": {"max_text_length": 1, "character_dict_path": str(dictionary), "use_space_char": False},
        "Train": {
            "dataset": {
                "name": "SimpleDataSet",
                "data_dir": dataset.data_dir,
                "label_file_list": list(dataset.label_file_list),
                "transforms": [
                    {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
                    {"CTCLabelEncode": None},
                    {"RecResizeImg": {"image_shape": [3, 32, args.width]}},
                    {"KeepKeys": {"keep_keys": ["image", "label", "length"]}},
                ],
            },
            "loader": {
                "shuffle": True,
                "batch_size_per_card": args.batch,
                "drop_last": False,
                "num_workers": workers,
            },
        },
    }
    logger = logging.getLogger("paddleocr")
    return build_dataloader(config, "Train", paddle.get_device(), logger)  # type: ignore[no-any-return]


def serve_all(loader: Iterable[Any], count: int) -> None:
    """Serve an epoch."""
    assert sum(batch[0].shape[0] for batch in loader) == count


if __name__ == "__main__":
    main()
