"""Errors of this package, by what a caller can do about them.

DatabaseError
├── InvalidDatabaseURL     the address cannot be understood: correct the setting
├── DatabaseUnavailable    nobody answers, or it is busy: trying later may help
│   └── DatabaseFull       no space left: nothing can be recorded until somebody makes room
├── DatabaseDenied         it answers, but not to this user, or has no such database
├── DatabaseUnreadable     the file cannot be opened, or is not one of ours
├── DatabaseOutdated       its tables are missing or older than this program: upgrade it
├── DatabaseTooNew         its tables are newer than this program
├── Conflict               what was written contradicts what is recorded
├── Unstorable             a value has no place in the database: it must be cleaned before
└── BackupRefused          a copy cannot be made there

Every message is one plain sentence with what to do, and holds no password and no stored value.
"""


class DatabaseError(Exception):
    """The base of every error that leaves this package."""


class InvalidDatabaseURL(DatabaseError):
    """The database's address cannot be understood."""


class DatabaseUnavailable(DatabaseError):
    """The database does not answer, or another program has locked it; a retry may help."""


class DatabaseFull(DatabaseUnavailable):
    """No space is left on the database's disk."""


class DatabaseDenied(DatabaseError):
    """The server answers, but refuses this user, password or database name."""


class DatabaseUnreadable(DatabaseError):
    """The database file cannot be opened, written or understood."""


class DatabaseOutdated(DatabaseError):
    """Tables or columns are missing: the database was not upgraded."""


class DatabaseTooNew(DatabaseError):
    """A newer program upgraded the database: `found` is its revision, `known` our newest."""

    def __init__(self, *, found: str, known: str) -> None:
        super().__init__(
            f"The database is at revision {found}, which this program does not know: the newest "
            f"one it knows is {known}. Install the newer Limner that upgraded it, or restore a "
            "backup made before."
        )
        self.found = found
        self.known = known


class Conflict(DatabaseError):
    """A write contradicts existing records, such as an id that is used already."""


class Unstorable(DatabaseError):
    """A value is too large for its column, or has characters that cannot be stored."""


class BackupRefused(DatabaseError):
    """A copy of the database cannot be made that way, or at that place."""
