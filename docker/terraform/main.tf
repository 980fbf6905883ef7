# What `thaiocr sagemaker bootstrap` makes: a bucket, a repository and a role for jobs, with the same policies.
#
#   terraform init
#   terraform apply -var region=us-east-1 -var bucket=my-ocr-bucket
#   terraform output -raw settings > ../../sagemaker.yml

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "region" {
  type = string
}

variable "bucket" {
  type = string
}

variable "prefix" {
  type    = string
  default = "thaiocr"
}

variable "repository" {
  type    = string
  default = "thaiocr"
}

variable "role_name" {
  type    = string
  default = "thaiocr-training"
}

variable "launcher_role" {
  type        = string
  default     = null
  description = "Name of an existing role of the people who launch jobs; it gets the launcher's policy."
}

provider "aws" {
  region = var.region
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  values = {
    account    = data.aws_caller_identity.current.account_id
    partition  = data.aws_partition.current.partition
    region     = var.region
    bucket     = var.bucket
    prefix     = var.prefix
    repository = var.repository
    role       = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${var.role_name}"
  }
}

resource "aws_s3_bucket" "data" {
  bucket = var.bucket
}

resource "aws_s3_bucket_public_access_block" "data" {
  bucket                  = aws_s3_bucket.data.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  rule {
    id     = "forget uploads that were broken off"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_ecr_repository" "image" {
  name                 = var.repository
  image_tag_mutability = "IMMUTABLE"
}

resource "aws_iam_role" "training" {
  name               = var.role_name
  description        = "Training jobs of thaiocr"
  assume_role_policy = templatefile("${path.module}/../iam/training-role-trust.json", local.values)
}

resource "aws_iam_role_policy" "training" {
  name   = "thaiocr-training"
  role   = aws_iam_role.training.id
  policy = templatefile("${path.module}/../iam/training-role.json", local.values)
}

resource "aws_iam_role_policy" "launcher" {
  count  = var.launcher_role == null ? 0 : 1
  name   = "thaiocr-launcher"
  role   = var.launcher_role
  policy = templatefile("${path.module}/../iam/launcher.json", local.values)
}

output "settings" {
  value = yamlencode({
    region     = var.region
    bucket     = aws_s3_bucket.data.id
    prefix     = var.prefix
    repository = aws_ecr_repository.image.name
    role       = aws_iam_role.training.arn
  })
}
