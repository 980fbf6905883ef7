"""Label files and images -> batches."""
