"""From URLs and labels to names inside a folder, and never out of it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.faces.image_names import relative_name, url_file_name
from annotate.faces.problems import BadRow


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://farm1.invalid/12/34_o.jpg", "34_o.jpg"),
        ("https://host.invalid/a/b%20c.jpg?size=big#top", "b c.jpg"),
        ("http://host.invalid/%E9%A1%94.jpg", "顔.jpg"),
        ("http://host.invalid/a%2Bb+c.jpg", "a+b+c.jpg"),
        ("plain.jpg", "plain.jpg"),
    ],
)
def test_a_url_names_its_last_component(url, name):
    assert url_file_name(url) == name


@pytest.mark.parametrize(
    "url",
    [
        "", "http://host.invalid", "http://host.invalid/a/", "http://host.invalid/a/..", "http://host.invalid/.",
        "http://host.invalid/%2e%2e", "http://host.invalid/..%2fsecret.jpg", "http://host.invalid/%2Fetc%2Fpasswd",
        "http://host.invalid/..%5Csecret.jpg", "http://host.invalid/a%00.jpg", "http://host.invalid/a%0A.jpg",
        "http://host.invalid/%ff.jpg", "http://[broken/a.jpg", "http://host.invalid/" + "a" * 300 + ".jpg",
    ],
)  # fmt: skip
def test_a_url_that_names_no_plain_file_is_refused(url):
    with pytest.raises(BadRow):
        url_file_name(url)


@pytest.mark.parametrize(
    ("text", "name"), [("a.jpg", "a.jpg"), ("./x//a.jpg", "x/a.jpg"), ("x/..y/a.jpg", "x/..y/a.jpg")]
)
def test_a_relative_path(text, name):
    assert relative_name(text) == name


@pytest.mark.parametrize(
    "text", ["", ".", "/etc/passwd", "../a.jpg", "a/../../b.jpg", "a\0.jpg", "\udce9.jpg"]
)
def test_a_path_that_leads_elsewhere_is_refused(text):
    with pytest.raises(BadRow):
        relative_name(text)


@settings(deadline=None)
@given(st.text(st.sampled_from("abc./\\%20efF5C:?#é\0"), max_size=30))
def test_whatever_is_accepted_stays_in_the_folder(text):
    folder = Path("/data/images")
    for name_of in (relative_name, lambda text: url_file_name(f"http://host.invalid/{text}")):
        try:
            name = name_of(text)
        except BadRow:
            continue
        assert (folder / name).resolve().is_relative_to(folder)
        assert (folder / name).resolve() != folder
