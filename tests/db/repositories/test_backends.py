from datetime import timedelta

from db.repositories.backends import JOBS_KEPT, SentJobRepository


async def test_a_sending_is_counted_and_keeps_its_first_date(database, noon):
    with database.transaction() as session:
        sent_jobs = SentJobRepository(session)
        sent_jobs.add_sending("a", noon)
        sent_jobs.add_sending("a", noon + timedelta(hours=1))
        sent_jobs.set_job("a", "job-1")

    with database.transaction() as session:
        row = SentJobRepository(session).find("a")
        assert (row.sent_at, row.sendings, row.job_id) == (noon, 2, "job-1")
        SentJobRepository(session).remove("a")
    with database.transaction() as session:
        assert SentJobRepository(session).find("a") is None


async def test_what_is_too_old_is_deleted_when_something_is_sent(database, noon):
    with database.transaction() as session:
        sent_jobs = SentJobRepository(session)
        sent_jobs.add_sending("old", noon)
        sent_jobs.add_sending("kept", noon + timedelta(seconds=1))
        sent_jobs.add_sending("new", noon + JOBS_KEPT + timedelta(seconds=1))
        session.expire_all()
        assert sent_jobs.find("old") is None
        assert sent_jobs.find("kept") is not None
