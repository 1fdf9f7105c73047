"""Would CUDA work on a host? Predicted from what an image holds and from a description of the host."""
