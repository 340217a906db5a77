"""What is known of a photo beside its pixels."""
