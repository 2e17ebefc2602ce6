from generation.backends.breaker import MAX_OPEN_S, MIN_OPEN_S, Breaker


def test_one_failure_may_be_chance():
    breaker = Breaker()
    breaker.note_failure(100)
    assert not breaker.is_open(100)
    assert breaker.open_for_s(100) == 0


def test_the_rest_doubles_and_ends():
    breaker = Breaker()
    now, rests = 100.0, []
    breaker.note_failure(now)
    for _ in range(9):
        breaker.note_failure(now)
        assert breaker.is_open(now)
        rests.append(breaker.open_for_s(now))
        now += rests[-1]
        assert not breaker.is_open(now), "one try follows each rest"
    assert rests[:3] == [MIN_OPEN_S, 2 * MIN_OPEN_S, 4 * MIN_OPEN_S]
    assert rests[-1] == MAX_OPEN_S


def test_failures_of_the_same_moment_count_once():
    breaker = Breaker()
    for _ in range(20):
        breaker.note_failure(100)
    assert breaker.open_for_s(100) == MIN_OPEN_S


def test_a_success_forgets_the_failures():
    breaker = Breaker()
    for _ in range(5):
        breaker.note_failure(100)
    breaker.note_success()
    assert not breaker.is_open(100)
    breaker.note_failure(101)
    assert not breaker.is_open(101)
