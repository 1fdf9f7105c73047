"""Tests of deploy: Dockerfiles, hooks, and what runs in CI services."""
