"""Formatting of allowances, limits and policies."""

from collections.abc import Mapping, Sequence

from bot.i18n.language import _, mark, plural
from bot.ui.options import shown_name
from bot.ui.text import harmless, relative
from generation.quota.periods import Period
from generation.quota.policy import EffectiveAllowance, Grant, GuildLimits, RolePolicy, RoleRule
from generation.quota.rules import Unit

LISTED_ROLES = 15
"""Roles listed in one line: two such lines fit into a panel."""

LISTED_CHANNELS = 75
"""Channels listed in one line: two such lines fit into a panel."""


_ACCESS = {
    "workflows": mark("workflows: {names}"),
    "models": mark("models: {names}"),
    "loras": mark("LoRAs: {names}"),
    "options": mark("options: {names}"),
}
"""What a role may use, by category."""


def amount_text(amount: int, unit: Unit) -> str:
    """Format an amount with its unit."""
    if unit is Unit.PICTURES:
        return plural("{count} picture", "{count} pictures", amount)
    return plural("{count} GPU second", "{count} GPU seconds", amount)


def a_period(period: Period) -> str:
    """Format a period with its article, such as "a day"."""
    return {Period.DAY: _("a day"), Period.WEEK: _("a week"), Period.MONTH: _("a month")}[period]


def this_period(period: Period) -> str:
    """Format the current period, such as "today"."""
    return {
        Period.DAY: _("Today"),
        Period.WEEK: _("This week"),
        Period.MONTH: _("This month"),
    }[period]


def allowance_text(amount: int | None, unit: Unit, period: Period) -> str:
    """Format an allowance, such as "50 pictures a day"."""
    if amount is None:
        return _("no limit")
    return _("{amount} {a_period}", amount=amount_text(amount, unit), a_period=a_period(period))


def limits_lines(limits: GuildLimits) -> list[str]:
    """Format a guild's limits, one a line."""
    allowance = allowance_text(limits.amount, limits.unit, limits.period)
    return [
        _("**Allowance** {allowance} per member", allowance=allowance),
        _("**Roles** {rule}", rule=role_rule_text(limits.role_rule)),
        _("**Running** {count} at a time per member", count=limits.max_running),
        _("**Waiting** {count} more per member", count=limits.max_waiting),
        _("**Cooldown** {count} s between requests", count=limits.cooldown_s),
        _("**Queue** up to {count} waiting in this server", count=limits.max_line),
        _("**Time zone** {timezone}", timezone=limits.timezone),
    ]


def role_rule_text(rule: RoleRule) -> str:
    """Describe how the allowances of several roles combine."""
    if rule is RoleRule.SUM:
        return _("Several roles: all are added")
    return _("Several roles: the highest counts")


def role_line(policy: RolePolicy, limits: GuildLimits) -> str:
    """Format a role's policy."""
    said = []
    if policy.is_unlimited:
        said.append(_("no limit"))
    amount = policy.amount(limits.unit)
    if amount is not None:
        said.append(allowance_text(amount, limits.unit, limits.period))
    if policy.has_priority:
        said.append(_("priority"))
    if policy.may_generate is not None:
        allowed = _("may make pictures")
        said.append(allowed if policy.may_generate else _("may not make pictures"))
    if policy.max_running is not None:
        said.append(_("{count} running", count=policy.max_running))
    if policy.max_waiting is not None:
        said.append(_("{count} waiting", count=policy.max_waiting))
    for category, patterns in policy.access.items():
        names = _listed([harmless(shown_name(pattern), 60) for pattern in patterns], LISTED_ROLES)
        said.append(_(_ACCESS[category], names=names))
    return f"<@&{policy.role_id}> {' · '.join(said) or _('changes nothing')}"


def grant_line(grant: Grant, limits: GuildLimits, *, names_person: bool = True) -> str:
    """Format a grant and its expiry."""
    if grant.is_unlimited:
        text = _("no limit")
    else:
        text = _(
            "{amount} more {a_period}",
            amount=amount_text(grant.amount(limits.unit), limits.unit),
            a_period=a_period(limits.period),
        )
    if grant.expires_at is not None:
        text = _("{grant}, ends {when}", grant=text, when=relative(grant.expires_at))
    return f"<@{grant.user_id}> {text}" if names_person else text


def reasons(effective: EffectiveAllowance) -> list[str]:
    """Sources of an allowance: the default, roles and grants."""
    lines = []
    allowance = effective.allowance
    if effective.unlimited_roles:
        lines.append(_("no limit by {roles}", roles=mentions(effective.unlimited_roles)))
    elif effective.amount_roles:
        lines.append(_("allowance by {roles}", roles=mentions(effective.amount_roles)))
    elif effective.is_default:
        lines.append(_("the server's default"))
    for grant in effective.grants:
        limits = GuildLimits(unit=allowance.unit, period=allowance.period)
        said = grant_line(grant, limits, names_person=False)
        lines.append(_("your bonus: {grant}", grant=said))
    if effective.priority_roles:
        lines.append(_("priority by {roles}", roles=mentions(effective.priority_roles)))
    return lines


def channel_lines(policies: Mapping[int, bool]) -> list[str]:
    """Format the allowed and the denied channels."""
    if not policies:
        return [_("Pictures can be made in every channel.")]
    allowed = [channel_id for channel_id, is_served in policies.items() if is_served]
    denied = [channel_id for channel_id, is_served in policies.items() if not is_served]
    lines = []
    if allowed:
        lines.append(_("Only in {channels}", channels=_channels(allowed)))
    if denied:
        lines.append(_("Not in {channels}", channels=_channels(denied)))
    return lines


def channel_workflow_lines(defaults: Mapping[int, str]) -> list[str]:
    """Format the channels' default workflows, one a line."""
    return [
        _("{channel} uses {workflow}", channel=f"<#{channel_id}>", workflow=f"`{name}`")
        for channel_id, name in defaults.items()
    ]


def mentions(role_ids: Sequence[int]) -> str:
    """Format role mentions, which ping nobody where nobody may be pinged."""
    return _listed([f"<@&{role_id}>" for role_id in role_ids], LISTED_ROLES)


def _channels(channel_ids: Sequence[int]) -> str:
    return _listed([f"<#{channel_id}>" for channel_id in channel_ids], LISTED_CHANNELS)


def _listed(names: Sequence[str], most: int) -> str:
    return ", ".join([*names[:most], *(["…"] if len(names) > most else [])])
