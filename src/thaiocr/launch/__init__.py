"""Training on other machines: the container image, what runs in it, and Amazon SageMaker."""
