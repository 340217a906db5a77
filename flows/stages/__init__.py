"""The five stages, each from one photo's inputs to one artifact."""
