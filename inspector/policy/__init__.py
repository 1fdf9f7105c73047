"""Roles as data, and the judgement of facts against them."""
