"""The only code that starts a container: what `import torch` and CUDA do when they really run."""
