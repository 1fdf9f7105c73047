"""Layers that carry a table of contents (eStargz, zstd:chunked): what one says of a layer, and parts of the blob."""
