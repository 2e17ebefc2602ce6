"""API errors, with Discord's status, code and wording.

ApiError            anything answered with a JSON error
└── InvalidForm     50035: what is wrong, path by path
"""

import enum

from sandbox.discord_api.values import JsonObject


class Refusal(enum.Enum):
    """The known errors: status, code, message."""

    UNAUTHORIZED = (401, 0, "401: Unauthorized")
    UNKNOWN_ROUTE = (404, 0, "404: Not Found")
    UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
    UNKNOWN_GUILD = (404, 10004, "Unknown Guild")
    UNKNOWN_MEMBER = (404, 10007, "Unknown Member")
    UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
    UNKNOWN_USER = (404, 10013, "Unknown User")
    UNKNOWN_WEBHOOK = (404, 10015, "Unknown Webhook")
    UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
    UNKNOWN_COMMAND = (404, 10063, "Unknown application command")
    UNKNOWN_APPLICATION = (404, 10002, "Unknown Application")
    TOO_MANY_COMMANDS = (400, 30032, "Maximum number of application commands reached (100)")
    TOO_MANY_CREATIONS = (
        400,
        30034,
        "Max number of daily application command creates has been reached (200)",
    )
    REQUEST_TOO_LARGE = (413, 40005, "Request entity too large")
    ALREADY_ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
    MISSING_ACCESS = (403, 50001, "Missing Access")
    NOT_THE_AUTHOR = (403, 50005, "Cannot edit a message authored by another user")
    EMPTY_MESSAGE = (400, 50006, "Cannot send an empty message")
    CANNOT_SEND_TO_USER = (403, 50007, "Cannot send messages to this user")
    MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")
    INVALID_WEBHOOK_TOKEN = (401, 50027, "Invalid Webhook Token")
    CRASHED = (500, 0, "500: Internal Server Error")
    INVALID_JSON = (400, 50109, "The request body contains invalid JSON.")


class ApiError(Exception):
    """A refused request."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    @classmethod
    def of(cls, refusal: Refusal) -> "ApiError":
        """Return the error of a known refusal."""
        return cls(*refusal.value)

    def body(self) -> JsonObject:
        """Return what the client reads."""
        return {"message": self.message, "code": self.code}


class InvalidForm(ApiError):
    """A body whose fields are wrong; `errors` is nested as the body is."""

    def __init__(self, errors: JsonObject) -> None:
        super().__init__(400, 50035, "Invalid Form Body")
        self.errors = errors

    def body(self) -> JsonObject:
        """Return what the client reads, with the errors by field."""
        return {**super().body(), "errors": self.errors}


class NotPossible(Exception):
    """A person tried something that Discord's client does not offer; the sentence says why."""
