"""What `docker save` and its like write: a manifest.json that lists images, and files that it names.

Names and extensions prove nothing (every producer has its own); layers are known by their diff_ids.
"""

from __future__ import annotations

import msgspec

from inspector.errors import LimitExceeded, Malformed, NotFound
from inspector.names import canonical
from inspector.oci import ArchiveItem, digest_of, parse_items
from inspector.sources.assemble import (
    MAX_IMAGES,
    Config,
    Listed,
    all_within,
    check_counts,
    digest_in_name,
    make_image,
    read_config,
)
from inspector.sources.image import Image
from inspector.sources.names import is_id, may_be_id, pick, pick_any
from inspector.sources.platforms import Wanted, choose, refuse_several
from inspector.sources.shown import shown
from inspector.sources.store import BlobStore

MANIFEST = "manifest.json"
SOURCE = "docker-archive"
MAX_CONFIGS = 16 << 20
"""Bytes of all configs together; as values they take some twenty times as much."""


class _Found(msgspec.Struct):
    """One image with its config read; the names of equal items are put together."""

    config: Config
    layers: tuple[str, ...]
    tags: list[str]

    @property
    def image_id(self) -> str:
        return self.config.image_id


def open_docker_archive(store: BlobStore, selector: str | None, wanted: Wanted) -> list[Image]:
    """Return all images, or the one that goes by `selector`, for the platform wanted."""
    items = _items(store)
    if selector is None:
        groups = _groups(_read(store, items))
    elif may_be_id(selector) and (fitting := [one for one in _read(store, items) if is_id(selector, one.image_id)]):
        groups = [fitting]
    else:
        groups = [_read(store, pick_any(store.where, selector, items, _tags))]
    chosen = [found for group in groups for found in _choose(store, group, wanted)]
    images = (
        make_image(store, SOURCE, found.config, list(map(store.layer, found.layers)), tags=found.tags)
        for found in chosen
    )
    return all_within(images, store.where)


def listed(store: BlobStore, selector: str | None) -> list[Listed]:
    """Return the images by their configs, for comparison: all, or those of `selector` if it is a name here."""
    items = parse_items(store.document(MANIFEST), f"{store.where}: {MANIFEST}")[: MAX_IMAGES + 1]
    if selector is not None and not may_be_id(selector):
        items = pick(selector, items, _tags)
    configs = _Configs(store)
    return [_listed(configs, item) for item in items]


def _listed(configs: _Configs, item: ArchiveItem) -> Listed:
    try:
        config = configs.at(item.config)
    except NotFound:
        return Listed(tuple(_tags(item)), (), incomplete=True)
    return Listed(tuple(_tags(item)), ((config.image_id, config.document.platform),))


def _items(store: BlobStore) -> list[ArchiveItem]:
    where = f"{store.where}: {MANIFEST}"
    items = parse_items(store.document(MANIFEST), where)
    if not items:
        raise NotFound(f"{where}: lists no image")
    if len(items) > MAX_IMAGES:
        raise LimitExceeded(f"{where}: lists {len(items)} images; {MAX_IMAGES} are allowed")
    return items


def _tags(item: ArchiveItem) -> list[str]:
    return item.repo_tags or []


def _read(store: BlobStore, items: list[ArchiveItem]) -> list[_Found]:
    """Return the items with their configs; the names of equal ones are put together."""
    configs = _Configs(store)
    found: dict[tuple[str, tuple[str, ...]], _Found] = {}
    for item in items:
        config = configs.at(item.config)
        layers = tuple(item.layers or ())
        check_counts(len(layers), config, f"{store.where}: {MANIFEST}: {shown(item.config)}")
        known = found.setdefault((config.image_id, layers), _Found(config, layers, []))
        known.tags += _tags(item)
    return list(found.values())


class _Configs:
    """The configs by name, each content parsed once: one may have many names."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._by_name: dict[str, Config] = {}
        self._by_content: dict[str, Config] = {}
        self._left = MAX_CONFIGS

    def at(self, name: str) -> Config:
        """Return the config called `name`. Raises `LimitExceeded` past `MAX_CONFIGS`, and what `read_config` raises."""
        known = self._by_name.get(name)
        if known is None:
            known = self._by_name[name] = self._read(name)
        return known

    def _read(self, name: str) -> Config:
        content, stated = self._store.document(name), digest_in_name(name)
        known = self._by_content.get(digest_of(content))
        if known is not None and stated in (None, known.image_id):
            return known
        self._left -= len(content)
        if self._left < 0:
            raise LimitExceeded(f"{self._store.where}: its configs have more than {MAX_CONFIGS} bytes together")
        config = read_config(content, f"{self._store.where}: config {shown(name)}", stated)
        self._by_content[config.image_id] = config
        return config


def _groups(found: list[_Found]) -> list[list[_Found]]:
    """Return what may stand for one another: the images of one name, which then differ by platform."""
    groups: dict[str, list[_Found]] = {}
    for at, one in enumerate(found):
        groups.setdefault(canonical(one.tags[0]) if one.tags else str(at), []).append(one)
    return list(groups.values())


def _choose(store: BlobStore, group: list[_Found], wanted: Wanted) -> list[_Found]:
    where = f"{store.where} {shown(group[0].tags[0])}" if group[0].tags else store.where
    choices = [(item.config.document.platform, item) for item in group]
    refuse_several(choices, wanted, where)
    return choose(choices, wanted, where)


def lists_images(store: BlobStore) -> bool:
    """Tell whether the manifest.json in `store` is an array, as here, and not an object, as in skopeo's `dir:`."""
    document = store.document(MANIFEST).lstrip()
    if document.startswith(b"null"):
        raise NotFound(
            f"{store.where}: {MANIFEST}: lists no image: it is null, as kaniko writes it where --tarPath is given "
            "without --destination; build it again with both"
        )
    head = document[:1]
    if head not in (b"[", b"{"):
        raise Malformed(f"{store.where}: {MANIFEST} is no JSON document; the copy is damaged")
    return head == b"["
