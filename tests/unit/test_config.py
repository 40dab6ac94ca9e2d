"""Settings: defaults, file, environment, flags; what is unknown or bad is named."""

from pathlib import Path

import pytest

from weft.config import Config, explain, load_config, setting_types, variable_of
from weft.model.errors import ConfigError, HomeError


def load(home: Path, text: str, environment: dict[str, str] | None = None, **flags: object) -> Config:
    (home / "config.toml").write_text(text)
    return load_config(
        home, environment or {}, {key.replace("__", "."): value for key, value in flags.items()}
    )


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    """A node needs no setting that it can do without."""
    config = load(tmp_path, "")
    assert (config.node.name, config.api.port, config.peer.port, config.url) == (
        "node",
        8700,
        8800,
        "http://127.0.0.1:8700",
    )
    assert {setting.source for setting in explain(config)} == {"default"}


def test_a_variable_beats_the_file_and_a_flag_beats_both(tmp_path: Path) -> None:
    """The nearest to the start of the process wins, and `explain` says which it was."""
    text = "[api]\nport = 1\nhost = 'a'\n[log]\nlevel = 'debug'\n"
    config = load(tmp_path, text, {"WEFT_API_PORT": "2", "WEFT_LOG_LEVEL": "error"}, api__port=3)
    assert (config.api.port, config.api.host, config.log.level) == (3, "a", "error")
    sources = {setting.key: setting.source for setting in explain(config)}
    assert sources["api.port"] == "--api-port"
    assert sources["log.level"] == "WEFT_LOG_LEVEL"
    assert sources["api.host"] == str(tmp_path / "config.toml")


def test_every_setting_can_be_given_by_its_variable(tmp_path: Path) -> None:
    """`WEFT_SECTION_KEY` works for all, whatever the type."""
    defaults = {setting.key: setting.value for setting in explain(load(tmp_path, ""))}
    words = {
        "peer.addresses": "a:1, b:2",
        "api.url": "http://x",
        "files.store": "s3",
        "files.bucket": "photos",
        "files.shared": "false",
        "files.machine_tags": "true",
    }
    given = {
        variable_of(key): words.get(key, "7" if isinstance(value, int) else str(value))
        for key, value in defaults.items()
    }
    settings = {setting.key: setting for setting in explain(load(tmp_path, "", given))}
    assert settings.keys() == setting_types().keys()
    assert all(setting.source == variable_of(key) for key, setting in settings.items())
    assert settings["peer.addresses"].value == ("a:1", "b:2")
    assert settings["limits.pool_bytes_max"].value == 7


@pytest.mark.parametrize(
    ("text", "environment", "named"),
    [
        ("[api]\nprot = 1", {}, "api.prot"),
        ("[appi]\nport = 1", {}, "appi"),
        ("port = 1", {}, "port"),
        ("[api]\nport = 'x'", {}, "api.port = 'x'"),
        ("[api]\nport = 70000", {}, "api.port = 70000"),
        ("[api]\nport = true", {}, "api.port = True"),
        ("[api]\nurl = 'ftp://x'", {}, "api.url"),
        ("[node]\nrole = 'king'", {}, "node.role = 'king'"),
        ("[node]\nname = '../x'", {}, "node.name"),
        ("[peer]\naddresses = ['x']", {}, "peer.addresses"),
        ("[limits]\npool_bytes_max = -1", {}, "limits.pool_bytes_max = -1"),
        ("[log]\nlevel = 'loud'", {}, "log.level = 'loud'"),
        ("[files]\nstore = 'ftp'", {}, "files.store = 'ftp'"),
        ("[files]\nstore = 's3'", {}, "files.bucket"),
        ("[files]\nbucket = 'photos'", {}, "files.store"),
        ("[files]\nshared = true", {}, "files.shared"),
        ("[files]\nstore = 's3'\nbucket = 'b'\nshared = true\ncopies = 2", {}, "files.copies"),
        ("[files]\nendpoint = 'http://user:secret@x'", {}, "files.endpoint"),
        ("[api\n", {}, "config.toml"),
        ("[api]\nport = " + "9" * 5000, {}, "config.toml"),
        ("[api]\nport = " + "[" * 700, {}, "config.toml"),
        ("", {"WEFT_API_PROT": "1"}, "WEFT_API_PROT"),
        ("", {"WEFT_API_PORT": "many"}, "WEFT_API_PORT"),
    ],
)
def test_an_unknown_or_bad_setting_is_named(
    tmp_path: Path, text: str, environment: dict[str, str], named: str
) -> None:
    """Whoever made the mistake reads which key it was, and where it stands."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, environment)
    assert named in str(caught.value)


def test_a_folder_without_settings_is_no_home(tmp_path: Path) -> None:
    """The message is about the folder, not about a setting."""
    with pytest.raises(HomeError, match=r"config\.toml"):
        load_config(tmp_path)


def test_an_ipv6_host_is_bracketed_in_the_url(tmp_path: Path) -> None:
    """RFC 3986, section 3.2.2."""
    assert load(tmp_path, "[api]\nhost = '::1'").url == "http://[::1]:8700"
