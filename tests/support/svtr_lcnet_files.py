"""A configuration like PaddleOCR's public ones of PP-OCRv5 mobile recognition, and what makes its training tiny."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from thaiocr.config import schema
from thaiocr.config.load import load_text

PUBLIC: Final = """\
Global:
  model_name: th_PP-OCRv5_mobile_rec # names a static model
  debug: false
  use_gpu: true
  epoch_num: 75
  log_smooth_window: 20
  print_batch_step: 10
  save_model_dir: ./output/lines
  save_epoch_step: 10
  eval_batch_step: [0, 1000]
  cal_metric_during_train: true
  pretrained_model:
  checkpoints:
  save_inference_dir:
  use_visualdl: false
  infer_img:
  character_dict_path: ./dict/th_dict.txt
  max_text_length: &length 25
  infer_mode: false
  use_space_char: true
  distributed: true
  save_res_path: ./output/lines.txt
  d2s_train_image_shape: [3, 48, 320]


Optimizer:
  name: Adam
  beta1: 0.9
  beta2: 0.999
  lr:
    name: Cosine
    learning_rate: 0.0005
    warmup_epoch: 5
  regularizer:
    name: L2
    factor: 3.0e-05


Architecture:
  model_type: rec
  algorithm: SVTR_LCNet
  Transform:
  Backbone:
    name: PPLCNetV3
    scale: 0.95
  Head:
    name: MultiHead
    head_list:
      - CTCHead:
          Neck:
            name: svtr
            dims: 120
            depth: 2
            hidden_dims: 120
            kernel_size: [1, 3]
            use_guide: True
          Head:
            fc_decay: 0.00001
      - NRTRHead:
          nrtr_dim: 384
          max_text_length: *length

Loss:
  name: MultiLoss
  loss_config_list:
    - CTCLoss:
    - NRTRLoss:

PostProcess:
  name: CTCLabelDecode

Metric:
  name: RecMetric
  main_indicator: acc
  ignore_space: False

Train:
  dataset:
    name: MultiScaleDataSet
    ds_width: false
    data_dir: ./lines/
    ext_op_transform_idx: 1
    label_file_list:
    - ./lines/train.txt
    transforms:
    - DecodeImage:
        img_mode: BGR
        channel_first: false
    - RecConAug:
        prob: 0.5
        ext_data_num: 2
        image_shape: [48, 320, 3]
        max_text_length: *length
    - RecAug:
    - MultiLabelEncode:
        gtc_encode: NRTRLabelEncode
    - KeepKeys:
        keep_keys:
        - image
        - label_ctc
        - label_gtc
        - length
        - valid_ratio
  sampler:
    name: MultiScaleSampler
    scales: [[320, 32], [320, 48], [320, 64]]
    first_bs: &bs 128
    fix_bs: false
    divided_factor: [8, 16] # w, h
    is_training: True
  loader:
    shuffle: true
    batch_size_per_card: *bs
    drop_last: true
    num_workers: 8
Eval:
  dataset:
    name: SimpleDataSet
    data_dir: ./lines/
    label_file_list:
    - ./lines/val.txt
    transforms:
    - DecodeImage:
        img_mode: BGR
        channel_first: false
    - MultiLabelEncode:
        gtc_encode: NRTRLabelEncode
    - RecResizeImg:
        image_shape: [3, 48, 320]
    - KeepKeys:
        keep_keys:
        - image
        - label_ctc
        - label_gtc
        - length
        - valid_ratio
  loader:
    shuffle: true
    drop_last: false
    batch_size_per_card: 128
    num_workers: 4
"""

NARROW: Final = (
    "Global.use_gpu=false",
    "Global.epoch_num=2",
    "Global.max_text_length=3",
    "Global.print_batch_step=1",
    "Global.save_epoch_step=0",
    "Global.eval_batch_step=null",
    "Optimizer.lr={name: Cosine, learning_rate: 0.002, warmup_epoch: 1}",
    "Architecture.Backbone={name: PPLCNetV3, scale: 0.125, conv_kxk_num: 1}",
    "Architecture.Head.head_list.0.CTCHead.Neck={name: svtr, dims: 16, depth: 1, hidden_dims: 16, kernel_size: [1, 3], "
    "use_guide: true}",
    "Architecture.Head.head_list.1.NRTRHead={nrtr_dim: 32, num_decoder_layers: 1}",
    "Train.dataset.transforms.1.RecConAug={prob: 0.5, ext_data_num: 2, image_shape: [48, 64, 3], max_text_length: 3}",
    "Train.sampler.scales=[[64, 32], [64, 48]]",
    "Train.sampler.first_bs=8",
    "Train.loader.batch_size_per_card=8",
    "Eval.dataset.transforms.2.RecResizeImg.image_shape=[3, 48, 64]",
    "Eval.loader.batch_size_per_card=8",
)
"""The same classes, a thousandth of the work."""


def narrow(data: Path, run: Path, *changes: str) -> schema.Config:
    """Return the public configuration for a folder of `tiny.write_data`, made tiny."""
    places = [f"Global.save_model_dir={run}", f"Global.character_dict_path={data / 'dict.txt'}"]
    for feed, split in (("Train", "train"), ("Eval", "val")):
        places += [f"{feed}.dataset.data_dir={data}", f"{feed}.dataset.label_file_list={data / f'rec_gt_{split}.txt'}"]
    return load_text(PUBLIC, file="public.yml", overrides=(*places, *NARROW, *changes)).config
