import pytest

from bot.settings import DEFAULT_COMFYUI_URL, SettingsError, find_unknown_names, load_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems_of() -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return caught.value.problems


def test_an_empty_environment_gives_the_documented_defaults(empty_folder):
    settings = load_settings()
    assert settings.discord_token is None
    assert [entry.url for entry in settings.backends] == [DEFAULT_COMFYUI_URL]
    assert settings.effective_database_url.endswith("/data/limner.db")
    assert (settings.log_format, settings.log_level, settings.http) == ("console", "info", None)


def test_the_env_file_is_read_and_the_environment_wins(empty_folder, monkeypatch):
    (empty_folder / ".env").write_text("LIMNER_GUILDS=1,2\nLIMNER_LOG_LEVEL=debug\n")
    monkeypatch.setenv("LIMNER_LOG_LEVEL", "warning")
    settings = load_settings()
    assert settings.guilds == (1, 2)
    assert settings.log_level == "warning"


def test_all_problems_are_reported_together(monkeypatch):
    monkeypatch.setenv("COMFYUI_URLS", "http://127.0.0.1:8188,nonsense")
    monkeypatch.setenv("LIMNER_GUILDS", "my server")
    monkeypatch.setenv("LIMNER_HTTP", "8080")
    monkeypatch.setenv("LIMNER_LOG_LEVEL", "loud")
    problems = problems_of()
    named = {problem.split(":")[0] for problem in problems}
    assert named == {"COMFYUI_URLS", "LIMNER_GUILDS", "LIMNER_HTTP", "LIMNER_LOG_LEVEL"}


def test_secrets_are_never_printed(empty_folder, monkeypatch):
    monkeypatch.setenv("DISCORD_TOKEN", "token-secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://limner:database-secret@127.0.0.1/limner")
    monkeypatch.setenv("COMFYUI_URLS", "http://user:url-secret@127.0.0.1:8188")
    settings = load_settings()
    assert "secret" not in repr(settings)
    assert "secret" not in repr(settings.backends)


@pytest.mark.parametrize("token", ['"abc"', "Bot abc.def", "abc\ndef", "äbc"])
def test_what_cannot_be_a_token_is_refused_without_being_repeated(monkeypatch, token):
    monkeypatch.setenv("DISCORD_TOKEN", token)
    with pytest.raises(SettingsError, match="DISCORD_TOKEN: must be the token alone") as refused:
        load_settings()
    assert "bc" not in str(refused.value)


def test_a_bad_url_is_not_repeated_in_its_problem(monkeypatch):
    monkeypatch.setenv("COMFYUI_URLS", "user:url-secret@127.0.0.1")
    assert all("secret" not in problem for problem in problems_of())


@pytest.mark.usefixtures("no_test_variables")
def test_unknown_names_are_found(empty_folder, monkeypatch):
    monkeypatch.setenv("LIMNER_DATE", "x")
    (empty_folder / ".env").write_text("LIMNER_WORKFLOW=x\nOTHER=y\n")
    assert find_unknown_names() == ("LIMNER_DATE", "LIMNER_WORKFLOW")


def test_backends_file_describes_and_adds(empty_folder, monkeypatch):
    monkeypatch.setenv("COMFYUI_URLS", "http://127.0.0.1:8188/")
    (empty_folder / "data").mkdir()
    (empty_folder / "data" / "backends.toml").write_text(
        """
        default_models = ["favourite.safetensors"]

        [[backend]]
        url = "http://127.0.0.1:8188"
        name = "big"
        concurrency = 1
        bearer_token = "toml-secret"

        [[backend]]
        url = "https://gpu.example.org/comfy"
        """
    )
    settings = load_settings()
    assert [(e.name, e.url, e.concurrency) for e in settings.backends] == [
        ("big", "http://127.0.0.1:8188", 1),
        ("", "https://gpu.example.org/comfy", 2),
    ]
    assert settings.default_models == ("favourite.safetensors",)
    assert "secret" not in repr(settings.backends)


def test_without_urls_the_backends_file_alone_counts(empty_folder):
    (empty_folder / "data").mkdir()
    (empty_folder / "data" / "backends.toml").write_text(
        '[[backend]]\nurl = "http://192.0.2.1:8188"\n'
    )
    assert [e.url for e in load_settings().backends] == ["http://192.0.2.1:8188"]


def test_none_of_two_entries_with_one_url_is_lost(empty_folder, monkeypatch):
    monkeypatch.setenv("COMFYUI_URLS", "http://b:8188,http://a:8188,http://b:8188")
    (empty_folder / "data").mkdir()
    text = "".join(
        f'[[backend]]\nurl = "http://{host}:8188"\nname = "{name}"\n'
        for host, name in (("a", "one"), ("c", "two"), ("a", "three"))
    )
    (empty_folder / "data" / "backends.toml").write_text(text)
    assert [e.name or e.url for e in load_settings().backends] == [
        "http://b:8188",
        "one",
        "three",
        "two",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[backend", "not valid TOML"),
        ("[[backend]]\nurl = 'ftp://x'\n", "backend.url: must be an address such as"),
        ("[[backend]]\nurl = 'http://x'\nconcurency = 3\n", "concurency"),
    ],
)
def test_a_broken_backends_file_names_file_and_field(empty_folder, text, expected):
    (empty_folder / "data").mkdir()
    (empty_folder / "data" / "backends.toml").write_text(text)
    (problem,) = problems_of()
    assert "backends.toml" in problem
    assert expected in problem


@pytest.mark.parametrize(
    ("text", "ids", "count"), [("0/1", (0,), 1), ("1,0 / 4", (0, 1), 4), ("2, 2/3", (2,), 3)]
)
def test_shards(empty_folder, monkeypatch, text, ids, count):
    monkeypatch.setenv("LIMNER_SHARDS", text)
    shards = load_settings().shards
    assert (shards.ids, shards.count) == (ids, count)


@pytest.mark.parametrize("text", ["4/4", "0", "/4", "a/4", "0,1", "-1/4", "0/0"])
def test_shards_that_do_not_exist_are_refused(empty_folder, monkeypatch, text):
    monkeypatch.setenv("LIMNER_SHARDS", text)
    with pytest.raises(SettingsError, match="LIMNER_SHARDS: must look like 0,1/4"):
        load_settings()


@pytest.mark.parametrize(
    ("value", "is_right"),
    [
        ("1234567890123456789", True),
        (f"https://discord.com/api/webhooks/1234567890123456789/{'x' * 68}", True),
        (f"https://evil.example/?discord.com/api/webhooks/1234567890123456789/{'x' * 68}", False),
        ("#general", False),
    ],
)
def test_alerts_go_to_a_channel_or_a_webhook_of_discord(monkeypatch, value, is_right):
    monkeypatch.setenv("LIMNER_ALERTS", value)
    if is_right:
        assert load_settings().alerts == value
        assert value not in repr(load_settings())
    else:
        (problem,) = problems_of()
        assert problem.startswith("LIMNER_ALERTS: must be a channel's id")
        assert value not in problem


def test_a_backend_is_preferred_by_numbers_that_are_some(empty_folder):
    (empty_folder / "data").mkdir()
    file = empty_folder / "data" / "backends.toml"
    entry = '[[backend]]\nurl = "http://gpu:8188"\n'
    file.write_text(entry + "cost = 0.4\nweight = 2\nmax_wait = 60\n")
    (backend,) = load_settings().backends
    assert (backend.cost, backend.weight, backend.max_wait) == (0.4, 2, 60)
    file.write_text(entry + "cost = nan\nweight = -1\n")
    assert len(problems_of()) == 2


def test_what_starts_and_stops_a_backend(empty_folder):
    (empty_folder / "data").mkdir()
    (empty_folder / "data" / "backends.toml").write_text(
        """
        [[backend]]
        url = "http://gpu:8188"
        wake = { url = "https://me:secret@pods.example/7", headers = { Key = "secret" }, body = {} }
        sleep = ["stop-pod", "secret"]
        idle_minutes = 10
        """
    )
    (backend,) = load_settings().backends
    assert (backend.wake.method, backend.wake.body) == ("POST", {})
    assert (backend.sleep, backend.idle_minutes) == (("stop-pod", "secret"), 10)
    assert "secret" not in repr(backend)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('wake = "start the pod"', 'must be a command such as ["program", "argument"] or a'),
        ("wake = []", "must be a command such as"),
        ('wake = { url = "pods.example" }', "wake.url: must be an address such as"),
        ('wake = { url = "http://x", metod = "GET" }', "metod"),
        ('wake = ["start"]\nsleep = ["stop"]', "sleep and idle_minutes belong together"),
        ('sleep = ["stop"]\nidle_minutes = 5', "also needs wake"),
        ('wake = ["a"]\nsleep = ["b"]\nidle_minutes = 0', "greater than 0"),
    ],
)
def test_what_cannot_start_or_stop_a_backend_is_named(empty_folder, lines, expected):
    (empty_folder / "data").mkdir()
    text = f'[[backend]]\nurl = "http://gpu:8188"\n{lines}\n'
    (empty_folder / "data" / "backends.toml").write_text(text)
    (problem,) = problems_of()
    assert expected in problem


def test_a_wrong_address_is_named_without_its_password(monkeypatch):
    monkeypatch.setenv("COMFYUI_URLS", "ana:secret@gpu:8188")
    (problem,) = problems_of()
    assert problem.endswith("not 'gpu:8188'.")
    assert "secret" not in problem
