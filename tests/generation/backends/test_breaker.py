from generation.backends.breaker import FIRST_REST_S, LONGEST_REST_S, Breaker


def test_one_failure_may_be_chance():
    breaker = Breaker()
    breaker.note_failure(100)
    assert not breaker.is_open(100)
    assert breaker.rest_s(100) == 0


def test_the_rest_doubles_and_ends():
    breaker = Breaker()
    now, rests = 100.0, []
    breaker.note_failure(now)
    for _ in range(9):
        breaker.note_failure(now)
        assert breaker.is_open(now)
        rests.append(breaker.rest_s(now))
        now += rests[-1]
        assert not breaker.is_open(now), "one try follows each rest"
    assert rests[:3] == [FIRST_REST_S, 2 * FIRST_REST_S, 4 * FIRST_REST_S]
    assert rests[-1] == LONGEST_REST_S


def test_failures_of_the_same_moment_count_once():
    breaker = Breaker()
    for _ in range(20):
        breaker.note_failure(100)
    assert breaker.rest_s(100) == FIRST_REST_S


def test_a_success_forgets_the_failures():
    breaker = Breaker()
    for _ in range(5):
        breaker.note_failure(100)
    breaker.note_success()
    assert not breaker.is_open(100)
    breaker.note_failure(101)
    assert not breaker.is_open(101)
