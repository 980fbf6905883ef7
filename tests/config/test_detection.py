"""Detection files: PaddleOCR's public ones load, presets are what the command writes, mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from thaiocr.cli import main as main_module
from thaiocr.config import schema
from thaiocr.config.det_presets import PRESETS, detection_preset
from thaiocr.config.dump import to_yaml
from thaiocr.config.load import load_any, load_any_text, load_text
from thaiocr.config.presets import PresetName
from thaiocr.config.schema import detection
from thaiocr.errors import ConfigError

ROOT = Path(__file__).parents[2]
FILES: dict[PresetName, str] = {"dev": "thai_det_dev", "main": "thai_det", "prod": "thai_det_prod"}

# Our own file with the keys, the quoting and the comments that det_mv3_db.yml and PP-OCRv4_mobile_det.yml have.
PUBLIC_STYLE = """\
Global:
  model_name: PP-OCRv4_mobile_det # for inference
  use_gpu: true
  use_mlu: false
  epoch_num: &epoch_num 1200
  log_smooth_window: 20
  print_batch_step: 10
  save_model_dir: ./output/db/
  save_epoch_step: 1200
  # evaluate every 2000 steps
  eval_batch_step: [0, 2000]
  cal_metric_during_train: False
  pretrained_model: ./pretrain_models/backbone
  checkpoints:
  save_inference_dir:
  use_visualdl: False
  infer_img: page.jpg
  save_res_path: ./output/predicts.txt
  d2s_train_image_shape: [3, 640, 640]
  distributed: true

Architecture:
  model_type: det
  algorithm: DB
  Transform:
  Backbone:
    name: MobileNetV3
    scale: 0.5
    model_name: large
  Neck:
    name: DBFPN
    out_channels: 256
  Head:
    name: DBHead
    k: 50

Loss:
  name: DBLoss
  balance_loss: true
  main_loss_type: DiceLoss
  alpha: 5
  beta: 10
  ohem_ratio: 3

Optimizer:
  name: Adam
  beta1: 0.9
  beta2: 0.999
  lr:
    learning_rate: 0.001
  regularizer:
    name: 'L2'
    factor: 0

PostProcess:
  name: DBPostProcess
  thresh: 0.3
  box_thresh: 0.6
  max_candidates: 1000
  unclip_ratio: 1.5

Metric:
  name: DetMetric
  main_indicator: hmean

Train:
  dataset:
    name: SimpleDataSet
    data_dir: ./pages/
    label_file_list:
      - ./pages/train.txt
    ratio_list: [1.0]
    transforms:
      - DecodeImage: # read it
          img_mode: BGR
          channel_first: False
      - DetLabelEncode: # polygons
      - IaaAugment:
          augmenter_args:
            - { 'type': Fliplr, 'args': { 'p': 0.5 } }
            - { 'type': Affine, 'args': { 'rotate': [-10, 10] } }
            - { 'type': Resize, 'args': { 'size': [0.5, 3] } }
      - EastRandomCropData:
          size: [640, 640]
          max_tries: 50
          keep_ratio: true
      - MakeBorderMap:
          shrink_ratio: 0.4
          thresh_min: 0.3
          thresh_max: 0.7
          total_epoch: *epoch_num
      - MakeShrinkMap:
          shrink_ratio: 0.4
          min_text_size: 8
          total_epoch: *epoch_num
      - NormalizeImage:
          scale: 1./255.
          mean: [0.485, 0.456, 0.406]
          std: [0.229, 0.224, 0.225]
          order: 'hwc'
      - ToCHWImage:
      - KeepKeys:
          keep_keys: ['image', 'threshold_map', 'threshold_mask', 'shrink_map', 'shrink_mask'] # in this order
  loader:
    shuffle: True
    drop_last: False
    batch_size_per_card: 16
    num_workers: 8
    use_shared_memory: True

Eval:
  dataset:
    name: SimpleDataSet
    data_dir: ./pages/
    label_file_list:
      - ./pages/test.txt
    transforms:
      - DecodeImage:
          img_mode: BGR
          channel_first: False
      - DetLabelEncode:
      - DetResizeForTest:
          image_shape: [736, 1280]
      - NormalizeImage:
          scale: 1./255.
          mean: [0.485, 0.456, 0.406]
          std: [0.229, 0.224, 0.225]
          order: 'hwc'
      - ToCHWImage:
      - KeepKeys:
          keep_keys: ['image', 'shape', 'polys', 'ignore_tags']
  loader:
    shuffle: False
    drop_last: False
    batch_size_per_card: 1 # must be 1
    num_workers: 8
    use_shared_memory: True
profiler_options: null
"""
MOBILE = (
    "Architecture.Backbone={name: PPLCNetV3, scale: 0.75, det: True}",
    "Architecture.Neck={name: RSEFPN, out_channels: 96, shortcut: True}",
    "Architecture.Head={name: DBHead, k: 50, fix_nan: True}",
    "Eval.dataset.transforms.2={DetResizeForTest: null}",
)


def load(*changes: str) -> detection.Config:
    config = load_any_text(PUBLIC_STYLE, file="det.yml", overrides=changes).config
    assert isinstance(config, detection.Config)
    return config


def test_a_file_of_the_public_kind_loads_and_lists_what_is_unused() -> None:
    loaded = load_any_text(PUBLIC_STYLE, file="det.yml")
    config = loaded.config
    assert isinstance(config, detection.Config)
    assert config.architecture == detection.Architecture(
        backbone=detection.MobileNetV3(model_name="large", scale=0.5),
        neck=detection.DBFPN(out_channels=256),
        head=detection.DBHead(k=50),
    )
    assert config.loss == detection.DBLoss()
    assert config.postprocess == detection.DBPostProcess(box_thresh=0.6, unclip_ratio=1.5)
    assert config.train.dataset.transforms[2] == detection.IaaAugment()
    assert config.run.epoch_num == 1200
    assert set(loaded.unused) == {
        *(f"Global.{key}" for key in ("model_name", "use_mlu", "log_smooth_window", "save_inference_dir")),
        *(f"Global.{key}" for key in ("infer_img", "save_res_path", "d2s_train_image_shape", "distributed")),
        "Architecture.Transform",
        "Train.dataset.transforms.MakeBorderMap.total_epoch",
        "Train.dataset.transforms.MakeShrinkMap.total_epoch",
        "Train.loader.use_shared_memory",
        "Eval.loader.use_shared_memory",
        "profiler_options",
    }


def test_a_file_of_the_mobile_kind_loads() -> None:
    config = load(*MOBILE)

    assert config.architecture.backbone == detection.PPLCNetV3(scale=0.75, det=True)
    assert config.architecture.head.fix_nan
    assert config.eval.dataset.transforms[2] == detection.DetResizeForTest()


def test_a_resnet_may_say_that_it_has_no_gates() -> None:
    loaded = load_any_text(
        PUBLIC_STYLE,
        file="det.yml",
        overrides=["Architecture.Backbone={name: ResNet_vd, layers: 18, disable_se: true}"],
    )

    assert "Architecture.Backbone.disable_se" in loaded.unused


def test_what_is_written_loads_as_the_same_configuration() -> None:
    config = load(*MOBILE)

    assert load_any_text(to_yaml(config), file="written.yml").config == config


def test_recognition_refuses_a_file_for_detection() -> None:
    with pytest.raises(ConfigError, match="model_type: det trains detection; this takes a configuration for recogn"):
        load_text(PUBLIC_STYLE, file="det.yml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("Architecture.Backbone.model_nam=large", "unknown key; did you mean 'model_name'?"),
        ("Architecture.Backbone.large_stride=[1, 2, 2, 2]", "unknown key"),
        ("Architecture.Backbone.scale=0.6", "must be one of 0.35, 0.5, 0.75, 1.0, 1.25, got 0.6"),
        ("Architecture.Neck.name=LKPAN", "'LKPAN' is not supported; available: DBFPN, RSEFPN"),
        ("Architecture.Neck.out_channels=30", "must be a multiple of 4 of at least 16, got 30"),
        ("Loss.main_loss_type=Euclidean", "'Euclidean' is not supported; available: DiceLoss, BCELoss"),
        ("Loss={name: CTCLoss}", "'CTCLoss' is not supported; did you mean 'DBLoss'? available: DBLoss"),
        ("PostProcess.thresh=1.0", "must be at least 0 and below 1"),
        ("Global.cal_metric_during_train=true", "detection reads none; write false"),
        ("Train.dataset.transforms.3.EastRandomCropData.size=[600, 640]", "sides must be multiples of 32"),
        ("Train.dataset.transforms.4.MakeBorderMap.shrink_ratio=0.5", "0.5 differs from MakeShrinkMap's 0.4"),
        ("Train.dataset.transforms.4.MakeBorderMap.thresh_min=0.8", "must be below thresh_max 0.7, got 0.8"),
        ("Train.dataset.transforms.2.IaaAugment.augmenter_args.0.type=Blur", "'Blur' is not supported"),
        (
            "Train.dataset.transforms.2.IaaAugment.augmenter_args.0.args={rotate: [0, 9]}",
            "Fliplr takes p and nothing else, got rotate",
        ),
        (
            "Train.dataset.transforms.2.IaaAugment.augmenter_args.1.args.rotate=[10, -10]",
            "Affine: rotate must be [least, largest]",
        ),
        ("Train.dataset.transforms.2={CopyPaste: null}", "'CopyPaste' is not supported"),
        ("Eval.dataset.transforms.4={IaaAugment: null}", "must be DecodeImage, DetLabelEncode, DetResizeForTest"),
        ("Train.dataset.transforms.8.KeepKeys.keep_keys=[image]", "must contain threshold_map"),
        ("Eval.dataset.transforms.5.KeepKeys.keep_keys=[image, shape, polys, tags]", "'tags' is not supported"),
        ("Eval.dataset.transforms.0.DecodeImage.img_mode=RGB", "RGB differs from Train's BGR"),
        (
            "Eval.dataset.transforms.2.DetResizeForTest.resize_long=960",
            "image_shape and resize_long are given together",
        ),
    ],
)
def test_a_mistake_is_named(change: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(change)

    assert message in str(caught.value)


def test_the_command_offers_every_preset() -> None:
    assert set(PRESETS) == set(FILES)


@pytest.mark.parametrize(("name", "file"), FILES.items())
def test_a_file_in_configs_is_what_the_command_writes(
    name: PresetName, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ROOT / "configs" / "det" / f"{file}.yml"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main_module, "VERBS", ("config",))
    path = f"configs/det/{file}.yml"
    assert main_module.main(["config", "new", "det", "--preset", name, "-o", path]) == 0
    assert Path(path).read_bytes() == kept.read_bytes()
    loaded = load_any(kept)
    assert loaded.config == detection_preset(name)
    assert loaded.unused == ()
    assert loaded.config.run.save_model_dir == f"./output/det/{file}"


def test_detection_has_no_dictionary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_module.main(["config", "new", "det", "--dict", "d.txt", "-o", str(tmp_path / "a.yml")]) == 2
    assert "detection finds text and reads none" in capsys.readouterr().err


def test_recognition_files_load_as_before() -> None:
    loaded = load_any(ROOT / "configs" / "rec" / "thai_rec_dev.yml")
    assert isinstance(loaded.config, schema.Config)
