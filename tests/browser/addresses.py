"""Which of the application's addresses are pages, and for whom: derived from the URL resolver by asking.

A new address is found by itself. Where it can not be opened, `NOT_VISITED` or tests/browser/world.py has to
say why, or how: `unaccounted` tells which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.test import Client
from django.urls import URLPattern, get_resolver, resolve, reverse

from annotate.accounts.models import User
from tests.browser.world import Values

STRANGER = "stranger"

# An address that is no page, though what it answers does not say so. Keep it short.
NOT_VISITED = {
    "campaign-download": "a file; where nothing is chosen it leads back to the choices",
    "import-rejects": "a file, where something was rejected",
    "version-download": "a file; where the checkpoint is gone it leads back to the version",
    "set_language": "changes the language and leads back",
}
ONLY_HERS = re.compile(r'(name="csrfmiddlewaretoken" value|data-csrf|data-user)="[^"]*"')
# Django's own pages.
NAMESPACES_NOT_VISITED = {"admin"}


@dataclass
class Address:
    """`seen_by` are the roles that get a page there; `said` is what each role got, and `looks` what stands in
    the page itself, without what only tells visitors apart."""

    name: str
    path: str
    said: dict[str, str] = field(default_factory=dict)
    looks: dict[str, str] = field(default_factory=dict)

    @property
    def seen_by(self) -> list[str]:
        return [role for role, what in self.said.items() if what == "page"]

    def is_new_to(self, role: str) -> bool:
        """Whether nobody before sees the same there."""
        before = [*self.looks][: [*self.looks].index(role)]
        return self.looks[role] not in {self.looks[one] for one in before}

    @property
    def is_no_page(self) -> bool:
        """It does something, answers with data, or is loaded into a page."""
        return bool({"deed", "data", "part"} & {*self.said.values()})


def addresses(values: Values, users: Iterable[User | None]) -> list[Address]:
    """Every named address, asked by everybody. Raises LookupError where a parameter has no value."""
    found = [Address(name, _path(name, values)) for name in sorted(_names())]
    for user in users:
        client = Client(headers={"host": "localhost"})
        if user is not None:
            client.force_login(user)
        for address in found:
            if address.name != "logout":
                _ask(client, address, user)
    return found


def unaccounted(found: list[Address]) -> str:
    """What is neither a page, nor plainly something else, nor named above; and what to do about it."""
    odd = [
        f"{one.name} ({one.path}): {one.said}"
        for one in found
        if not one.seen_by and not one.is_no_page and one.name not in {*NOT_VISITED, "logout"}
    ]
    return "\n".join(odd) and (
        "These addresses open for nobody, so that no test looks at them. Give the rows that they need in "
        "`furnish` of tests/browser/world.py or, where they are no pages, add their names with the reason "
        "to NOT_VISITED in tests/browser/addresses.py:\n" + "\n".join(odd)
    )


def unnamed() -> list[str]:
    """Addresses without a name: nothing could lead to them, and no test finds them."""
    return [path for path, name in _patterns(get_resolver()) if not name]


def _patterns(resolver: object, before: str = "") -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        path = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            yield path, pattern.name
        elif pattern.namespace not in NAMESPACES_NOT_VISITED:
            yield from _patterns(pattern, path)


def _names() -> set[str]:
    return {name for _, name in _patterns(get_resolver()) if name}


def _path(name: str, values: Values) -> str:
    [(_, parameters), *_] = get_resolver().reverse_dict.getlist(name)[0][0]
    arguments = {}
    for parameter in parameters:
        value = values.get(f"{name}.{parameter}", values.get(parameter))
        if value is None:
            raise LookupError(
                f"No value for the parameter {parameter} of the address {name}: add it to what `furnish` of "
                "tests/browser/world.py returns, with the row that it names"
            )
        arguments[parameter] = value
    return reverse(name, kwargs=arguments) + str(values.get(f"{name}?", ""))


def _ask(client: Client, address: Address, user: User | None) -> None:
    role = user.role if user else STRANGER
    address.said[role], page = _get(client, address)
    if address.said[role] == "page":
        main = ONLY_HERS.sub("", page[page.index("<main") : page.index("</main>")])
        address.looks[role] = main.replace(str(user), "")


def _get(client: Client, address: Address) -> tuple[str, str]:
    """What a GET there gives: page, part of one, data, deed (it wants a POST) or the status; and its text."""
    answer = client.get(address.path)
    if answer.status_code in (301, 302):
        target = answer.headers["Location"].partition("?")[0]
        # Django's page for a new password takes the token out of the address.
        if not target.startswith("/") or resolve(target).url_name != address.name:
            return f"leads to {target}", ""
        answer = client.get(target)
    if answer.status_code == 405:
        return "deed", ""
    if answer.status_code != 200:
        return str(answer.status_code), ""
    if not answer.headers["Content-Type"].startswith("text/html"):
        return "data", ""
    text = answer.content.decode()
    return "page" if "<html" in text else "part", text
