"""Measurements on the lab's real images, beside other tools on the same machine in the same run."""
