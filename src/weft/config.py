"""A node's configuration: defaults, then config.toml, then WEFT_SECTION_KEY, then flags; the last one wins.

Promise: a `Config` is whole, checked and frozen. An unknown key or a bad value raises ConfigError, which
names the key, the value and where it came from, before anything is started.
"""

import tomllib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec

from weft.model.errors import ConfigError, HomeError
from weft.model.limits import LocalLimits

FILE_NAME = "config.toml"
PREFIX = "WEFT_"
CLIENTS_TOKEN = "WEFT_TOKEN"
"""What the command line sends to nodes: no setting of a node."""

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Host = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]+$")]
Endpoint = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$")]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**62)]


class NodeSection(msgspec.Struct, frozen=True):
    """Who this node is, and where in its home things lie."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "node"
    role: Literal["validator"] = "validator"
    genesis: str = "genesis.json"
    keys: str = "keys"
    data: str = "data"


class ApiSection(msgspec.Struct, frozen=True):
    """Where clients find this node."""

    host: Host = "127.0.0.1"
    port: Port = 8700
    url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^/\s]+)?$")] = ""
    """What peers and clients are told; empty: http://HOST:PORT."""


class PeerSection(msgspec.Struct, frozen=True):
    """Where the other members find this node, and it them."""

    host: Host = "127.0.0.1"
    port: Port = 8800
    addresses: tuple[Endpoint, ...] = ()
    """HOST:PORT of every member's peer port, in committee order, this node's own included."""


class LogSection(msgspec.Struct, frozen=True):
    """What is told on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class FilesSection(msgspec.Struct, frozen=True):
    """The file application."""

    upload_bytes_max: Positive = 16 << 30
    """A larger upload is refused (413)."""
    index: Annotated[str, msgspec.Meta(pattern=r"^(postgresql://\S+)?$")] = ""
    """Where the search index is kept: a PostgreSQL with PostGIS; empty: a file of this node."""
    store: Literal["folder", "s3", "azure"] = "folder"
    """Where content is kept (docs/operate/blobs.md)."""
    copies: Annotated[int, msgspec.Meta(ge=0, le=128)] = 0
    """How many members hold a blob; 0: all."""
    shared: bool = False
    """Whether the bucket is the one of all members."""
    bucket: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]*$")] = ""
    prefix: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$")] = ""
    endpoint: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^\s?#@]+)?$")] = ""
    """Empty: the provider's own."""
    region: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]*$")] = ""
    account: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]*$")] = ""
    """The storage account (Azure)."""
    credentials: str = ""
    """A file of the home with what opens the bucket; empty: the provider's own variables."""
    cache_bytes_max: Positive = 1 << 30
    """Content that is kept elsewhere and cached here."""
    scrub_pass_s: Positive = 3600
    """Time in which all content is looked for once."""
    scrub_bytes_per_s: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 4 << 20
    """How fast content on disk is read again; 0: not at all."""
    machine_tags: bool = False
    """Whether this node tells the ledger of faces and likenesses in pictures; needs `weft[vision]`."""


SECTIONS: Mapping[str, type[msgspec.Struct]] = {
    "node": NodeSection,
    "api": ApiSection,
    "peer": PeerSection,
    "log": LogSection,
    "limits": LocalLimits,
    "files": FilesSection,
}


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one node, and for each where its value came from."""

    home: Path
    node: NodeSection
    api: ApiSection
    peer: PeerSection
    log: LogSection
    limits: LocalLimits
    files: FilesSection
    sources: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where clients reach this node."""
        host = f"[{self.api.host}]" if ":" in self.api.host else self.api.host
        return self.api.url or f"http://{host}:{self.api.port}"

    @property
    def genesis_path(self) -> Path:
        return self.home / self.node.genesis

    @property
    def keys_path(self) -> Path:
        return self.home / self.node.keys

    @property
    def data_path(self) -> Path:
        return self.home / self.node.data


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of `weft config show`."""

    key: str
    value: str | int | tuple[str, ...]
    source: str


def load_config(
    home: Path,
    environment: Mapping[str, str] = types.MappingProxyType({}),
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration of the node whose home is `home`. `flags` maps `section.key` to a value; None is not
    given. Raises HomeError when there is no config.toml, ConfigError for what stands in it."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for key, value, source, is_text in (
        *_from_file(home / FILE_NAME),
        *_from_environment(environment),
        *((key, value, f"--{key.replace('.', '-')}", False) for key, value in (flags or {}).items()),
    ):
        if value is not None:
            values[key], sources[key] = _convert(key, value, source, is_text), source
    sections = {
        name: kind(**{key.split(".")[1]: value for key, value in values.items() if key.split(".")[0] == name})
        for name, kind in SECTIONS.items()
    }
    config = Config(home=home, **sections, sources=types.MappingProxyType(sources))  # type: ignore[arg-type]
    _check_files(config.files)
    return config


def check_settings(settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise ConfigError unless each of these values by section and name may stand in a config.toml."""
    for section, values in settings.items():
        for name, value in values.items():
            _convert(f"{section}.{name}", value, "what was asked for", False)


def _check_files(files: FilesSection) -> None:
    """Raise ConfigError unless the settings of the file application agree with each other."""
    for holds, sentence in (
        (files.store == "folder" or files.bucket, f"files.store = {files.store!r} needs files.bucket"),
        (files.store != "folder" or not files.bucket, "files.bucket needs files.store = 's3' or 'azure'"),
        (files.store != "folder" or not files.shared, "files.shared needs files.store = 's3' or 'azure'"),
        (not (files.shared and files.copies), "files.copies has no meaning in one shared bucket"),
    ):
        if not holds:
            raise ConfigError(f"the settings do not agree: {sentence}")


def explain(config: Config) -> list[Setting]:
    """Every setting with its value and where that came from."""
    return [
        Setting(
            f"{name}.{field}", msgspec.to_builtins(value), config.sources.get(f"{name}.{field}", "default")
        )
        for name in SECTIONS
        for field, value in msgspec.structs.asdict(getattr(config, name)).items()
    ]


def setting_types() -> dict[str, Any]:
    """The type of every setting by its `section.key`."""
    return {
        f"{name}.{field}": hint
        for name, kind in SECTIONS.items()
        for field, hint in get_type_hints(kind, include_extras=True).items()
        if field in kind.__struct_fields__
    }


def variable_of(key: str) -> str:
    """The environment variable of `section.key`."""
    return PREFIX + key.replace(".", "_").upper()


def _from_file(path: Path) -> Iterator[tuple[str, Any, str, bool]]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HomeError(f"there is no {FILE_NAME} in {path.parent}") from None
    except (OSError, ValueError, RecursionError) as error:
        # Not every text that is no TOML is a TOMLDecodeError: one number or one nesting too long is not.
        raise ConfigError(f"{path} cannot be read: {error}") from None
    for name, section in table.items():
        if not isinstance(section, dict) or name not in SECTIONS:
            raise ConfigError(f"{path} has the unknown section {name}; known are {', '.join(SECTIONS)}")
        for field, value in section.items():
            yield f"{name}.{field}", value, str(path), False


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Any, str, bool]]:
    keys = {variable_of(key): key for key in setting_types()}
    for variable in sorted(environment):
        if variable.startswith(PREFIX) and variable != CLIENTS_TOKEN:
            if variable not in keys:
                raise ConfigError(f"the environment variable {variable} is no setting of Weft")
            yield keys[variable], environment[variable], variable, True


def _convert(key: str, value: Any, source: str, is_text: bool) -> Any:
    kind = setting_types().get(key)
    if kind is None:
        raise ConfigError(f"{key} (from {source}) is no setting of Weft")
    if is_text and key == "peer.addresses":
        value = [item.strip() for item in value.split(",") if item.strip()]
    try:
        return msgspec.convert(value, kind, strict=not is_text)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{key} = {value!r} (from {source}) is not valid: {error}") from None
