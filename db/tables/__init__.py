"""The tables and the indexes their queries need; importing this fills the metadata."""

from db.tables.alerts import AlertRow
from db.tables.audit import AuditRow
from db.tables.backends import BackendPowerRow, DrainedBackendRow, SentJobRow
from db.tables.charges import CHARGE, REFUND, RESERVE, ChargeRow
from db.tables.generations import (
    CANCELLED,
    FAILED,
    FINAL_STATES,
    RUNNING,
    SUCCEEDED,
    UNFINISHED_STATES,
    WAITING,
    GenerationRow,
    InputRow,
    OutputContentRow,
    OutputRow,
)
from db.tables.limits import ChannelPolicyRow, GrantRow, RolePolicyRow
from db.tables.moderation import (
    AppealRow,
    BlockedPictureRow,
    BlockRow,
    ChangeRow,
    FlagRow,
    GuildModerationRow,
    RefusalRow,
    ReviewPolicyRow,
    ReviewRow,
    WatchedWordRow,
)
from db.tables.people import DIRECT_MESSAGES, GuildRow, PersonRow
from db.tables.preferences import PreferencesRow, PresetRow, WildcardListRow

__all__ = [
    "CANCELLED",
    "CHARGE",
    "DIRECT_MESSAGES",
    "FAILED",
    "FINAL_STATES",
    "REFUND",
    "RESERVE",
    "RUNNING",
    "SUCCEEDED",
    "UNFINISHED_STATES",
    "WAITING",
    "AlertRow",
    "AppealRow",
    "AuditRow",
    "BackendPowerRow",
    "BlockRow",
    "BlockedPictureRow",
    "ChangeRow",
    "ChannelPolicyRow",
    "ChargeRow",
    "DrainedBackendRow",
    "FlagRow",
    "GenerationRow",
    "GrantRow",
    "GuildModerationRow",
    "GuildRow",
    "InputRow",
    "OutputContentRow",
    "OutputRow",
    "PersonRow",
    "PreferencesRow",
    "PresetRow",
    "RefusalRow",
    "ReviewPolicyRow",
    "ReviewRow",
    "RolePolicyRow",
    "SentJobRow",
    "WatchedWordRow",
    "WildcardListRow",
]
