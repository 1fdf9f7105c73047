"""Layers read on a Dask cluster, on the seam of the pipeline that threads use too."""
