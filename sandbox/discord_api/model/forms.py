"""Validation of request bodies: all errors are collected, then raised at once."""

from collections.abc import Sequence

from sandbox.discord_api.errors import InvalidForm
from sandbox.discord_api.values import JsonObject


class Form:
    """Collects errors of a body by path, such as `embeds.0.title`."""

    def __init__(self) -> None:
        self._errors: JsonObject = {}

    def wrong(self, path: str, code: str, message: str) -> None:
        """Note one fault."""
        place = self._errors
        for key in path.split(".") if path else ():
            place = place.setdefault(key, {})
        place.setdefault("_errors", []).append({"code": code, "message": message})

    def text(self, path: str, value: object, longest: int, *, shortest: int = 0) -> bool:
        """Note it unless `value` is a string of a permitted length; say whether it is."""
        if value is None and shortest == 0:
            return True
        if value is None:
            self.wrong(path, "BASE_TYPE_REQUIRED", "This field is required")
        elif not isinstance(value, str):
            self.wrong(path, "STRING_TYPE_CONVERT", "Could not interpret value as string.")
        elif len(value) > longest:
            self.too_long(path, longest)
        elif len(value) < shortest:
            self.wrong(path, "BASE_TYPE_MIN_LENGTH", f"Must be {shortest} or more in length.")
        else:
            return True
        return False

    def too_long(self, path: str, longest: int) -> None:
        """Note that a text or list is longer than permitted."""
        self.wrong(path, "BASE_TYPE_MAX_LENGTH", f"Must be {longest} or fewer in length.")

    def items(self, path: str, value: object, most: int, *, fewest: int = 0) -> Sequence[object]:
        """Return the items of a list, noting it when it is none or has the wrong length."""
        if value is None and fewest == 0:
            return ()
        if not isinstance(value, list):
            self.wrong(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return ()
        if not fewest <= len(value) <= most:
            sentence = f"Must be between {fewest} and {most} in length."
            self.wrong(path, "BASE_TYPE_BAD_LENGTH", sentence)
        return value

    def mapping(self, path: str, value: object) -> JsonObject:
        """Return an object's fields, noting it when it is not an object."""
        if isinstance(value, dict):
            return value
        self.wrong(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return {}

    def refuse_if_wrong(self) -> None:
        """Raise `InvalidForm` when anything was noted."""
        if self._errors:
            raise InvalidForm(self._errors)


def refuse_field(path: str, code: str, message: str) -> InvalidForm:
    """Return the error for one wrong field."""
    form = Form()
    form.wrong(path, code, message)
    try:
        form.refuse_if_wrong()
    except InvalidForm as error:
        return error
    raise AssertionError(path)
