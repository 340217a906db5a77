"""Words of sentences for the user."""


def counted(number: int, one: str = "photo", more: str | None = None) -> str:
    """`1 photo`, `2 photos`; more: the word for several where it is not `one` with an s."""
    return f"{number} {one if number == 1 else more or f'{one}s'}"
