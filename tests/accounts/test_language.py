"""The annotators' pages in English and Simplified Chinese: the catalogue is whole, and each page follows."""

import ast
import re

import polib
import pytest
from django.urls import reverse
from django.utils.translation.template import templatize

from config.environment import BASE_DIR

CATALOGUE = BASE_DIR / "locale" / "zh_Hans" / "LC_MESSAGES"
CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9"}
CALL = re.compile(r"""\b\w*gettext\((?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^()'"])*\)""", re.DOTALL)
TRANSLATED = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "npgettext"}


@pytest.fixture(scope="module")
def catalogue():
    return polib.pofile(str(CATALOGUE / "django.po"))


def marked_in(source):
    """The texts that a Python source marks for translation."""
    for node in ast.walk(ast.parse(source)):
        name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        if name in TRANSLATED:
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            # The first of pgettext's says where it stands.
            yield from texts["pgettext" in name :][:1]


def every_marked_text():
    for path in [*(BASE_DIR / "annotate").rglob("*.py"), *(BASE_DIR / "config").rglob("*.py")]:
        yield from marked_in(path.read_text())
    for path in (BASE_DIR / "frontend" / "templates").rglob("*.*"):
        # What Django hands to xgettext: calls in the middle of crossed out text.
        for call in CALL.findall(templatize(path.read_text())):
            yield from marked_in(call.replace("\n", "\\n"))


def test_nothing_is_missing_or_untranslated_or_doubtful(catalogue):
    known = {entry.msgid for entry in catalogue}
    marked = set(every_marked_text())
    assert len(marked) > 100
    assert marked - known == set()
    assert [entry.msgid for entry in catalogue if not entry.translated()] == []
    assert catalogue.fuzzy_entries() == catalogue.obsolete_entries() == []


def test_what_is_filled_in_stays_in_the_translation(catalogue):
    for entry in catalogue:
        for text in [entry.msgstr] if entry.msgstr else entry.msgstr_plural.values():
            for pattern in (r"%\(\w+\)\w", r"<[^>]+>"):
                expected = set(re.findall(pattern, entry.msgid + entry.msgid_plural))
                assert set(re.findall(pattern, text)) == expected, entry.msgid


def test_the_compiled_catalogue_is_the_written_one(catalogue):
    compiled = polib.mofile(str(CATALOGUE / "django.mo"))

    def texts(entries):
        return {(e.msgctxt, e.msgid): e.msgstr or dict(e.msgstr_plural) for e in entries if e.msgid}

    assert texts(compiled) == texts(catalogue)


def test_pages_follow_the_browser_and_then_the_switch(client, annotator):
    client.force_login(annotator)
    home = reverse("home")
    english = client.get(home).content.decode()
    assert '<html lang="en">' in english
    assert "Hello ann" in english
    chinese = client.get(home, headers=CHINESE).content.decode()
    assert '<html lang="zh-hans">' in chinese
    assert "ann，您好" in chinese
    switched = client.post(reverse("set_language"), {"language": "zh-hans", "next": home})
    assert switched.url == home
    assert switched.cookies["django_language"]["max-age"] > 0, "it would be forgotten with the window"
    assert "ann，您好" in client.get(home).content.decode()
    client.post(reverse("set_language"), {"language": "en", "next": home})
    assert "Hello ann" in client.get(home, headers=CHINESE).content.decode()


@pytest.mark.django_db
def test_no_word_of_an_annotators_page_is_left_in_english(client, annotator, settings):
    settings.EMAIL_HOST = "mail.example.org"
    pages = [reverse("login"), reverse("password_reset"), reverse("join", args=["x"])]
    hers = [reverse(n) for n in ("home", "account", "my-work", "token-list", "password_change", "consent")]
    for url in [*pages, *hers, "/nothing/", reverse("campaign-list")]:
        if url in hers:
            client.force_login(annotator)
        page = client.get(url, headers=CHINESE).content.decode()
        assert '<html lang="zh-hans">' in page, url
        text = re.sub(r"<(script|code|title)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
        words = set(re.findall(r"[A-Za-z]{2,}", text))
        assert words <= {"Semblance", "English", "ann", "API", "Cookie", "OpenAPI"}, url


def test_a_curators_page_is_english_as_a_whole(client, curator):
    client.force_login(curator)
    page = client.get(reverse("person-list"), headers=CHINESE).content.decode()
    assert '<html lang="en">' in page
    assert not re.search(r"[\u4e00-\u9fff]", page)
