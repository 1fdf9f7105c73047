"""Tests of the layers read on a Dask cluster."""
