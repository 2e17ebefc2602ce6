import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import func, select

from db.errors import Conflict, DatabaseError
from db.repositories.charges import ChargeRepository, Spent
from db.repositories.generations import Cursor, GenerationFilter, GenerationRepository
from db.repositories.line import LineRepository, UnfinishedCounts
from db.repositories.outputs import NewOutput, OutputRepository
from db.tables import GenerationRow, InputRow, OutputContentRow, OutputRow
from tests.support.query_plans import explain

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

FINAL = ("succeeded", "failed", "cancelled")


def picture(position, content=b"png", **facts):
    return NewOutput(position, f"{position}.png", "image/png", content, **facts)


async def move(database, id_, **change):
    with database.transaction() as session:
        return GenerationRepository(session).move(id_, **{"at": NOON, **change})


async def ids_of(database, filters=None):
    with database.transaction(read_only=True) as session:
        page = GenerationRepository(session).page(filters or GenerationFilter(), limit=100)
        return [row.id for row in page.rows]


async def test_what_is_recorded_comes_back_exactly(database, facts, noon):
    recorded = facts(
        "k7f3q",
        prompt="ein Fuchs 🦊\n「雪」 \\ ' \" %s {x}",
        values={"cfg": 7.5, "seed": 2**64 - 1, "tiled": True, "lora": "a/b.safetensors"},
        seed=2**64 - 1,
        user_id=2**63 - 1,
        guild_id=None,
        parent_id="k7f3p",
        reply='{"token": 1}',
        priority=True,
        spoiler=True,
        created_at=noon.replace(microsecond=123_456),
    )
    with database.transaction() as session:
        GenerationRepository(session).add(GenerationRow(**recorded))
    with database.transaction() as session:
        row = GenerationRepository(session).get("k7f3q", for_update=True)
    assert {name: getattr(row, name) for name in recorded} == recorded
    assert row.state == "waiting"
    assert row.created_at.utcoffset() == timedelta(0)
    assert row.failure_facts is None


@pytest.mark.parametrize("seed", [-1, 2**64])
async def test_a_seed_beyond_64_unsigned_bits_is_refused(add, seed):
    with pytest.raises(DatabaseError):
        await add("a", seed=seed)


@pytest.mark.parametrize("seed", [None, 0, 2**53, 2**63, 2**64 - 1])
async def test_every_seed_is_kept_exactly(database, add, seed):
    await add("a", seed=seed)
    with database.transaction() as session:
        row = GenerationRepository(session).get("a")
    assert row.seed == seed


async def test_an_id_is_recorded_once(add):
    await add("a")
    with pytest.raises(Conflict):
        await add("a")


async def test_an_unknown_state_is_refused(add):
    with pytest.raises(Conflict):
        await add("a", state="sleeping")


async def test_an_unknown_id_is_none(database):
    with database.transaction() as session:
        assert GenerationRepository(session).get("a") is None


async def test_move_changes_the_state_only_from_the_expected_ones(database, add, noon):
    await add("a")
    assert not await move(database, "a", from_states={"running"}, to="succeeded")
    assert await move(database, "a", from_states={"waiting"}, to="running", started_at=NOON)
    assert not await move(database, "a", from_states={"waiting"}, to="running")
    with database.transaction() as session:
        row = GenerationRepository(session).get("a")
    assert (row.state, row.started_at) == ("running", noon)


async def test_of_many_moves_at_the_same_time_exactly_one_wins(database, add):
    await add("a", state="running")
    moves = (move(database, "a", from_states={"running"}, to=FINAL[n % 3]) for n in range(12))
    won = await asyncio.gather(*moves)
    assert won.count(True) == 1
    with database.transaction() as session:
        row = GenerationRepository(session).get("a")
    assert row.state == FINAL[won.index(True) % 3]


async def test_a_row_read_before_a_move_shows_it_when_read_again(database, add):
    await add("a")
    with database.transaction() as session:
        generations = GenerationRepository(session)
        before = generations.get("a")
        assert before.state == "waiting"
        generations.move("a", from_states={"waiting"}, to="running", at=NOON)
        assert (generations.get("a")).state == "running"


async def test_update_changes_columns_but_never_the_state(database, add):
    await add("a")
    with database.transaction() as session:
        generations = GenerationRepository(session)
        assert generations.update("a", backend="gpu-1", failure_facts={"node": "6"})
        assert not generations.update("b", backend="gpu-1")
        with pytest.raises(TypeError):
            generations.update("a", state="failed")
        row = generations.get("a")
    assert (row.backend, row.failure_facts) == ("gpu-1", {"node": "6"})


async def test_a_sampler_that_began_after_the_end_is_not_noted(database, add, noon):
    await add("a", state="running")
    await add("b", state="cancelled")
    with database.transaction() as session:
        generations = GenerationRepository(session)
        assert generations.note_sampling("a", NOON)
        assert not generations.note_sampling("b", NOON)
        assert [(generations.get(one)).sampled_at for one in "ab"] == [noon, None]


async def test_inputs_come_back_by_name(database, add):
    await add("a")
    with database.transaction() as session:
        GenerationRepository(session)
        for name in ("mask", "image"):
            OutputRepository(session).add_input(
                "a", name=name, content=name.encode(), media_type="image/png"
            )
    with database.transaction() as session:
        rows = OutputRepository(session).inputs("a")
    assert [(row.name, row.content) for row in rows] == [("image", b"image"), ("mask", b"mask")]
    assert len(rows[0].sha256) == 64


async def test_an_input_of_an_unknown_generation_is_refused(database):
    with pytest.raises(Conflict), database.transaction() as session:
        OutputRepository(session).add_input("a", name="image", content=b"x", media_type="image/png")


async def test_outputs_are_recorded_once(database, add):
    await add("a")
    results = [picture(n, content) for n, content in enumerate([b"first", b"second"])]
    with database.transaction() as session:
        OutputRepository(session).add_outputs("a", results)
    with pytest.raises(Conflict), database.transaction() as session:
        OutputRepository(session).add_outputs("a", results[:1])
    with database.transaction() as session:
        stored = OutputRepository(session).contents("a")
        listed = OutputRepository(session).outputs("a")
        left = session.scalar(select(func.count()).select_from(OutputContentRow))
    assert [(row.position, content) for row, content in stored] == [(0, b"first"), (1, b"second")]
    assert [row.byte_count for row in listed] == [5, 6]
    assert left == 2


async def test_outputs_of_several_generations_come_at_once(database, add):
    for id_ in ("a", "b", "c"):
        await add(id_)
    with database.transaction() as session:
        GenerationRepository(session)
        OutputRepository(session).add_outputs("a", [picture(1), picture(0)])
        OutputRepository(session).add_outputs("b", [picture(0, thumbnail=b"small", text="seen")])
        found = OutputRepository(session).outputs_of(["a", "b", "c"])
    assert {id_: [row.position for row in rows] for id_, rows in found.items()} == {
        "a": [0, 1],
        "b": [0],
    }
    assert (found["b"][0].thumbnail, found["b"][0].text) == (b"small", "seen")


async def test_deleting_takes_inputs_and_outputs_along_and_leaves_charges(database, add, noon):
    await add("a")
    await add("b")
    with database.transaction() as session:
        generations, charges = GenerationRepository(session), ChargeRepository(session)
        for id_ in ("a", "b"):
            OutputRepository(session).add_input(
                id_, name="image", content=b"x", media_type="image/png"
            )
            OutputRepository(session).add_outputs(id_, [picture(0)])
            charges.reserve(id_, user_id=1, guild_id=10, spent=Spent(1), at=noon)
    with database.transaction() as session:
        generations = GenerationRepository(session)
        generations.delete_many(["a"])
        assert generations.get("a") is None
    with database.transaction() as session:
        for table in (InputRow, OutputRow, OutputContentRow):
            assert session.scalar(select(func.count()).select_from(table)) == 1
        assert ChargeRepository(session).usage(1, 10, noon).spent == Spent(2)


async def test_pruning_takes_only_what_is_old_and_told(database, add, noon):
    old, new = noon - timedelta(days=30), noon
    ends = {
        "told": {"finished_at": old, "delivered_at": old},
        "given_up": {"finished_at": old, "given_up_at": old},
        "untold": {"finished_at": old},
        "new": {"finished_at": new, "delivered_at": new},
        "unfinished": {},
    }
    for id_, columns in ends.items():
        await add(id_)
        with database.transaction() as session:
            generations = GenerationRepository(session)
            OutputRepository(session).add_outputs(id_, [picture(0, thumbnail=b"small")])
            if columns:
                generations.update(id_, **columns)
    with database.transaction() as session:
        generations = GenerationRepository(session)
        for id_ in ends:
            OutputRepository(session).add_input(
                id_, name="image", content=b"given", media_type="image/png"
            )
        assert OutputRepository(session).prune_contents(noon - timedelta(days=1)) == 2 + 2
        assert {id_ for id_ in ends if OutputRepository(session).inputs(id_)} == {
            "untold",
            "new",
            "unfinished",
        }
        kept = {id_ for id_ in ends if OutputRepository(session).contents(id_)}
        thumbnails = {id_: (OutputRepository(session).outputs(id_))[0].thumbnail for id_ in ends}
    assert kept == {"untold", "new", "unfinished"}
    assert set(thumbnails.values()) == {b"small"}


async def test_the_lists_of_the_line(database, add, noon):
    second = timedelta(seconds=1)
    await add("w2", created_at=noon + 2 * second)
    await add("w1", created_at=noon, guild_id=None)
    await add("w3", created_at=noon + 2 * second, user_id=2)
    await add("run", created_at=noon + second, state="running")
    await add("told", state="succeeded")
    await add("untold", state="failed")
    await add("gone", state="cancelled")
    with database.transaction() as session:
        generations = GenerationRepository(session)
        generations.update("told", delivered_at=NOON)
        generations.update("gone", given_up_at=NOON)

        def ids(rows):
            return [row.id for row in rows]

        assert ids(LineRepository(session).list_unfinished(1)) == ["w1", "run", "w2"]
        assert ids(LineRepository(session).list_unfinished(2)) == ["w3"]
        assert LineRepository(session).list_undelivered() == ("untold",)
        line = LineRepository(session)
        assert line.count_unfinished(1, 10) == UnfinishedCounts(1, 1, 2, {0: 2})
        assert line.count_unfinished(1, None) == UnfinishedCounts(0, 1, 1, {0: 1})
        assert line.count_unfinished(1, 0) == line.count_unfinished(1, None)
        assert line.count_unfinished(3, 10) == UnfinishedCounts(0, 0, 2, {})
        assert line.count_unfinished(1, 99) == UnfinishedCounts(0, 0, 0, {})


async def test_pages_are_complete_and_nothing_added_meanwhile_shifts_them(database, add, noon):
    # Several share a moment, so that only the id tells them apart.
    for number in range(23):
        await add(f"g{number:02d}", created_at=noon + timedelta(seconds=number // 4))
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        with database.transaction(read_only=True) as session:
            page = GenerationRepository(session).page(GenerationFilter(), before=cursor, limit=5)
        seen += [row.id for row in page.rows]
        cursor, pages = page.next_cursor, pages + 1
        await add(f"new{pages}", created_at=noon + timedelta(days=1))
    assert seen == [f"g{number:02d}" for number in range(22, -1, -1)]
    assert pages == 5


async def test_a_last_page_that_is_just_full_has_no_next(database, add):
    for number in range(4):
        await add(f"g{number}")
    with database.transaction() as session:
        generations = GenerationRepository(session)
        page = generations.page(GenerationFilter(), limit=4)
        assert page.next_cursor is None
        page = generations.page(GenerationFilter(), limit=3)
        assert isinstance(page.next_cursor, Cursor)
        assert page.next_cursor.id == "g1"


async def test_filters_narrow_page_and_total_alike(database, add, noon):
    day = timedelta(days=1)
    await add("mine", created_at=NOON)
    await add("hers", user_id=2, created_at=noon + day)
    await add("elsewhere", guild_id=11, created_at=noon + 2 * day, workflow="upscale")
    await add("direct", guild_id=None, created_at=noon + 3 * day, state="failed")
    cases = {
        GenerationFilter(): ["direct", "elsewhere", "hers", "mine"],
        GenerationFilter(user_id=1): ["direct", "elsewhere", "mine"],
        GenerationFilter(guild_id=10): ["hers", "mine"],
        GenerationFilter(guild_id=0): ["direct"],
        GenerationFilter(workflow="upscale"): ["elsewhere"],
        GenerationFilter(state="failed"): ["direct"],
        GenerationFilter(since=noon + day, until=noon + 3 * day): ["elsewhere", "hers"],
        GenerationFilter(user_id=2, search="dog"): [],
    }
    for filters, expected in cases.items():
        assert await ids_of(database, filters) == expected
        with database.transaction() as session:
            assert GenerationRepository(session).total(filters) == len(expected)


async def test_totals_are_counted_up_to_a_bound(database, add, monkeypatch):
    monkeypatch.setattr("db.repositories.generations.MAX_COUNTED", 3)
    totals = []
    for number in range(5):
        await add(f"g{number}")
        with database.transaction(read_only=True) as session:
            totals.append(GenerationRepository(session).total(GenerationFilter()))
    assert totals == [1, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("FOX", {"fox"}),
        ("snow fo", {"fox"}),
        ("ox", set()),
        ("\u96ea", {"unspaced"}),
        ("über", {"umlaut"}),
        ("ÜBER DEM", {"umlaut"}),
        ("wool 100", {"percent"}),
        ("b", {"underscore", "backslash"}),
        ("100%", {"percent"}),
        ("%", {"percent"}),
        ("_", {"underscore"}),
        ("a_b", {"underscore"}),
        ("\\", {"backslash"}),
        ("/", {"slash"}),
        ("'; --", set()),
    ],
)
async def test_search_ignores_case_and_takes_every_sign_as_it_is(database, add, search, expected):
    prompts = {
        "fox": "A Fox in the snow",
        "umlaut": "Über dem Meer",
        "percent": "100% wool",
        "underscore": "a_b",
        "backslash": "back\\slash",
        "slash": "either/or",
        "plain": "axb 200",
        "unspaced": "\u72d0\u3068\u96ea",
    }
    for id_, prompt in prompts.items():
        await add(id_, prompt=prompt)
    for user_id in (None, 1):
        filters = GenerationFilter(search=search, user_id=user_id)
        assert set(await ids_of(database, filters)) == expected


@pytest.mark.parametrize(
    "filters",
    [
        GenerationFilter(user_id=1),
        GenerationFilter(user_id=1, state="succeeded"),
        GenerationFilter(user_id=1, guild_id=10, state="succeeded", search="fox"),
        GenerationFilter(user_id=1, guild_id=0, workflow="upscale"),
    ],
)
async def test_what_one_person_made_is_found_among_theirs_alone(database, filters):
    with database.transaction(read_only=True) as session:
        generations = GenerationRepository(session)
        for read in (
            partial(generations.page, filters, limit=10),
            partial(generations.total, filters),
        ):
            for plan in explain(session, read):
                assert "ix_generations_history_of_person" in plan
                assert "generation_words" not in plan


async def test_accents_are_found_without_them_where_the_index_folds_them(database, add):
    await add("cafe", prompt="A Café in Zürich")
    found = await ids_of(database, GenerationFilter(search="cafe zur"))
    assert await ids_of(database, GenerationFilter(search="cafe zur", user_id=1)) == found


@pytest.mark.parametrize("word", ["हिन्दी", "ক্যাফে", "شَدَّة", "שָׁלוֹם", "고양이", "Ångström"])
async def test_words_of_any_script_are_found_among_somebodys_own(database, add, word):
    await add("named", prompt=f"a {word} here")
    for user_id in (None, 1):
        assert await ids_of(database, GenerationFilter(search=word, user_id=user_id)) == ["named"]


async def test_a_syllable_is_not_the_beginning_of_another(database, add):
    await add("park", prompt="공원")
    for user_id in (None, 1):
        assert await ids_of(database, GenerationFilter(search="고", user_id=user_id)) == []


async def test_measured_are_the_newest_successes(database, add, noon):
    for number, (state, gpu_ms) in enumerate(
        [("succeeded", 5000), ("succeeded", 7500), ("failed", 1000), ("succeeded", 9000)]
    ):
        await add(f"g{number}", state=state, workload=100 + number)
        ended = noon + timedelta(minutes=number)
        with database.transaction() as session:
            GenerationRepository(session).update(
                f"g{number}", backend="alpha", finished_at=ended, gpu_ms=gpu_ms
            )
    await add("unmeasured", state="succeeded")
    await add("other", state="succeeded", workflow="upscale")
    with database.transaction() as session:
        GenerationRepository(session)
        assert LineRepository(session).measured("txt2img-sd", 2) == (
            (103, "alpha", 9000),
            (101, "alpha", 7500),
        )
        assert LineRepository(session).measured("upscale", 2) == ()


async def test_when_somebodys_latest_run_ended(database, add, noon):
    minute = timedelta(minutes=1)
    for number, user_id in enumerate((1, 1, 2, 3)):
        await add(f"g{number}", user_id=user_id, created_at=noon, state="succeeded")
    with database.transaction() as session:
        generations = GenerationRepository(session)
        for number in range(3):
            ran = {"started_at": noon, "finished_at": noon + number * minute}
            generations.update(f"g{number}", **ran)
        # It was cancelled while it waited.
        generations.update("g3", finished_at=noon + 9 * minute)
        line = LineRepository(session)
        assert line.last_ends({1, 3}, noon) == {1: noon + minute}
        assert line.last_ends({1, 2, 3}, noon + minute) == {}


async def test_lanes_count_what_is_unfinished_of_one_person_in_one_guild(database, add):
    await add("a", lane=1)
    await add("b", lane=1, state="running")
    await add("c")
    await add("d", state="succeeded")
    await add("e", guild_id=11)
    await add("f", user_id=2)
    with database.transaction() as session:
        assert LineRepository(session).count_unfinished(1, 10).by_lane == {0: 1, 1: 2}


async def ancestors_of(database, id_, limit=50):
    with database.transaction(read_only=True) as session:
        return [row.id for row in GenerationRepository(session).list_ancestors(id_, limit)]


async def test_ancestors_are_read_to_the_root_and_never_in_circles(add, database):
    for child, parent in (("ddddd", "ccccc"), ("ccccc", "bbbbb"), ("bbbbb", None)):
        await add(child, parent_id=parent)
    assert await ancestors_of(database, "ddddd") == ["ccccc", "bbbbb"]
    assert await ancestors_of(database, "ddddd", limit=1) == ["ccccc"]
    assert await ancestors_of(database, "bbbbb") == []
    for parent in ("ddddd", "gone2"):
        with database.transaction() as session:
            GenerationRepository(session).update("bbbbb", parent_id=parent)
        assert await ancestors_of(database, "ddddd") == ["ccccc", "bbbbb"]
