"""The operator's settings, read once and validated together.

They come from the environment and the `.env` file in the current folder; options of a backend that
a URL cannot express are in `backends.toml` in the data folder.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

ENV_FILE = Path(".env")
DEFAULT_COMFYUI_URL = "http://127.0.0.1:8188"
LONGEST_SHOWN = 100
"""Characters of an invalid address that are shown."""

GRAPHS_AT_A_TIME = 2
"""Graphs queued at a backend: one running and one waiting, so that the GPU is never idle between
two and Limner still decides the order."""


class SettingsError(Exception):
    """Invalid settings; `problems` has one sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _check_url(value: object) -> str:
    text = str(value).strip().rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        # The part before an @ may be a password.
        shown = text.rpartition("@")[2][:LONGEST_SHOWN]
        raise ValueError(f"must be an address such as http://127.0.0.1:8188, not {shown!r}")
    return text


def _check_snowflake(value: object) -> int:
    if not str(value).isdecimal():
        raise ValueError("must be guild ids (whole numbers), separated by commas")
    return int(str(value))


def _check_choice(*choices: str) -> BeforeValidator:
    def check(value: object) -> str:
        if str(value).lower() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value).lower()

    return BeforeValidator(check)


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
BackendUrl = Annotated[str, BeforeValidator(_check_url)]
GuildId = Annotated[int, BeforeValidator(_check_snowflake)]
LogFormat = Annotated[Literal["console", "json"], _check_choice("console", "json")]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    _check_choice("debug", "info", "warning", "error"),
]


class RequestEntry(BaseModel):
    """A request that starts or stops a backend; a table as its body is sent as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: BackendUrl
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)
    body: Any = None


def _parse_power(value: object) -> object:
    if isinstance(value, dict):
        return RequestEntry.model_validate(value)
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise ValueError('must be a command such as ["program", "argument"] or a request { url = "…" }')


PowerEntry = Annotated[tuple[str, ...] | RequestEntry, BeforeValidator(_parse_power)]


class BackendEntry(BaseModel):
    """One backend of `backends.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: BackendUrl = Field(repr=False)  # it may carry a password
    name: str = ""
    kind: str = "comfyui"
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)
    bearer_token: SecretStr | None = None
    api_key_comfy_org: SecretStr | None = None
    ca_file: Path | None = None
    concurrency: int = Field(default=GRAPHS_AT_A_TIME, ge=1, le=16)
    tags: frozenset[str] = frozenset()
    object_info: Path | None = None
    weight: float = Field(default=1, ge=0, allow_inf_nan=False)
    cost: float = Field(default=0, ge=0, allow_inf_nan=False)
    max_wait: float = Field(default=0, ge=0, allow_inf_nan=False)
    wake: PowerEntry | None = Field(default=None, repr=False)
    sleep: PowerEntry | None = Field(default=None, repr=False)
    idle_minutes: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check_power(self) -> Self:
        if (self.sleep is None) != (self.idle_minutes is None):
            raise ValueError("sleep and idle_minutes belong together: give both or neither")
        if self.sleep is not None and self.wake is None:
            raise ValueError("a backend with sleep also needs wake, or nothing would start it")
        return self


class BackendsFile(BaseModel):
    """`backends.toml` as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    default_models: tuple[str, ...] = ()
    """Model files, best first, that replace a model no backend has."""
    default_workflows: tuple[str, ...] = ()
    """Workflows, best first, that are preferred to others of their kind."""
    backend: tuple[BackendEntry, ...] = ()


class HttpAddress(BaseModel):
    """Address of the HTTP server of `/healthz`, `/readyz` and `/metrics`."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int = Field(ge=0, le=65535)


class ShardSettings(BaseModel):
    """The shard ids that this process connects, and the total."""

    model_config = ConfigDict(frozen=True)

    ids: tuple[int, ...] = Field(min_length=1)
    count: int = Field(ge=1)


_WEBHOOK = re.compile(r"https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d{17,20}/[\w.-]{60,}")
_SHARDS = re.compile(r"(\d{1,5}(?:\s*,\s*\d{1,5})*)\s*/\s*(\d{1,5})")


def _parse_shards(value: object) -> object:
    if value in ("", None):
        return None
    if isinstance(value, str):
        match = _SHARDS.fullmatch(value.strip())
        ids = sorted({int(number) for number in match[1].split(",")}) if match else []
        count = int(match[2]) if match else 0
        if not ids or ids[-1] >= count:
            raise ValueError(
                "must look like 0,1/4 (the first two of four, counted from 0), or be empty"
            )
        return {"ids": ids, "count": count}
    return value


def _check_token(value: object) -> object:
    if not isinstance(value, str):
        return value
    token = value.strip()
    if not token.isascii() or any(character.isspace() or character in "\"'" for character in token):
        raise ValueError("must be the token alone: no quotes, no spaces, no 'Bot' before it")
    return token


def _check_credentials(value: object) -> str:
    """Return `on`, `off` or an absolute path."""
    text = str(value).strip()
    return text.lower() if text.lower() in ("on", "off") else str(Path(text).expanduser().resolve())


def _check_alerts(value: object) -> str:
    text = str(value).strip()
    if text and not text.isdecimal() and not _WEBHOOK.fullmatch(text):
        raise ValueError("must be a channel's id or the URL of a Discord webhook, or be empty")
    return text


def _parse_http(value: object) -> object:
    if value in ("", "off", None):
        return None
    if isinstance(value, str):
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError("must look like 127.0.0.1:8080, or be empty to switch it off")
        return {"host": host.strip("[]"), "port": port}
    return value


class Settings(BaseSettings):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    discord_token: Annotated[SecretStr | None, BeforeValidator(_check_token)] = Field(
        default=None, alias="DISCORD_TOKEN"
    )
    comfyui_urls: Annotated[tuple[BackendUrl, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(), alias="COMFYUI_URLS", repr=False
    )
    database_url: SecretStr | None = Field(default=None, alias="DATABASE_URL")
    data: Path = Field(default=Path("data"), alias="LIMNER_DATA")
    workflows: CommaSeparated = Field(default=(), alias="LIMNER_WORKFLOWS")
    guilds: Annotated[tuple[GuildId, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(), alias="LIMNER_GUILDS"
    )
    log_format: LogFormat = Field(default="console", alias="LIMNER_LOG_FORMAT")
    log_level: LogLevel = Field(default="info", alias="LIMNER_LOG_LEVEL")
    shards: Annotated[ShardSettings | None, NoDecode, BeforeValidator(_parse_shards)] = Field(
        default=None, alias="LIMNER_SHARDS"
    )
    keep_days: int = Field(default=7, ge=0, le=3650, alias="LIMNER_KEEP_DAYS")
    alerts: Annotated[str, BeforeValidator(_check_alerts)] = Field(
        default="", alias="LIMNER_ALERTS", repr=False
    )
    credentials: Annotated[str, BeforeValidator(_check_credentials)] = Field(
        default="on", alias="LIMNER_CREDENTIALS"
    )
    http: Annotated[HttpAddress | None, NoDecode, BeforeValidator(_parse_http)] = Field(
        default=None, alias="LIMNER_HTTP"
    )

    _backends_file: BackendsFile = PrivateAttr(default_factory=BackendsFile)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings names the arguments
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order: arguments, the environment, `.env`."""
        return init_settings, env_settings, dotenv_settings

    @property
    def effective_database_url(self) -> str:
        """The database's URL, with its password: never log it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data / 'limner.db').resolve()}"

    @property
    def workflow_folders(self) -> tuple[Path, ...]:
        """Folders of workflows besides the shipped ones; later ones take precedence."""
        return (*(Path(folder) for folder in self.workflows), self.managed_folder)

    @property
    def managed_folder(self) -> Path:
        """The folder to which workflows are added."""
        return self.data / "workflows"

    @property
    def backends(self) -> tuple[BackendEntry, ...]:
        """Every backend: the URLs of the environment, then those only `backends.toml` has."""
        described = self._backends_file.backend
        urls = self.comfyui_urls or (() if described else (DEFAULT_COMFYUI_URL,))
        entries: list[BackendEntry] = []
        for url in dict.fromkeys(urls):
            here = [entry for entry in described if entry.url == url]
            entries += here or [BackendEntry(url=url)]
        return (*entries, *(entry for entry in described if entry.url not in urls))

    @property
    def default_models(self) -> tuple[str, ...]:
        """Replacements for models that are not installed, best first."""
        return self._backends_file.default_models

    @property
    def default_workflows(self) -> tuple[str, ...]:
        """Workflows that are preferred to others of their kind, best first."""
        return self._backends_file.default_workflows

    def with_backends_file(self) -> Self:
        """Return the settings with `backends.toml` read. Raises SettingsError."""
        path = self.data / "backends.toml"
        if path.exists():
            self._backends_file = _load_backends_file(path)
        return self


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment and `.env`; `overrides` are by field name.

    Raises SettingsError with every problem found.
    """
    try:
        return Settings.model_validate(overrides).with_backends_file()
    except ValidationError as error:
        raise SettingsError(_describe(error, where="")) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{ENV_FILE} is not a text file in UTF-8: save it as such."]) from None
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise SettingsError([f"A settings file cannot be read: {reason}."]) from None


def find_unknown_names() -> tuple[str, ...]:
    """Return unknown environment variables with the prefix LIMNER_: likely typing errors."""
    known = {str(field.alias) for field in Settings.model_fields.values()}
    given = {name.upper() for name in (*os.environ, *dotenv_values(ENV_FILE))}
    return tuple(sorted(n for n in given if n.startswith("LIMNER_") and n not in known))


def _load_backends_file(path: Path) -> BackendsFile:
    try:
        return BackendsFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path} is not valid TOML: {error}."]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path} is not a text file in UTF-8: save it as such."]) from None
    except ValidationError as error:
        raise SettingsError(_describe(error, where=f"{path}: ")) from None


def _describe(error: ValidationError, *, where: str) -> list[str]:
    # Input values are left out: an invalid token or URL must not be printed.
    problems = []
    for item in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in item["loc"] if isinstance(part, str))
        reason = item["msg"].removeprefix("Value error, ").removesuffix(".")
        problems.append(f"{where}{name}: {reason}.")
    return problems
