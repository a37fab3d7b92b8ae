"""Instructions, and the page on which curators write them and choose what is practised."""

import pytest
from django.urls import reverse

from annotate.campaigns.instructions import instructions_html, refusals
from annotate.campaigns.models import Gold, Purpose
from annotate.faces.models import Dataset, Face


@pytest.fixture
def page(client, campaign, curator):
    """Asks for a part of the page, or posts to it."""
    client.force_login(curator)

    def ask(name="campaign-first-minutes", *more, **posted):
        address = reverse(name, args=[campaign.pk, *more])
        response = client.post(address, posted) if posted else client.get(address)
        return response.content.decode() or response.url

    return ask


def save(page, **changed):
    given = {
        "instructions": "", "practice_count": 0, "qualification_count": 0, "qualification_threshold": 0,
        "qualification_attempts": 3,
    }  # fmt: skip
    return page(**given | changed)


def test_a_face_is_named_by_its_key_or_its_number(campaign, django_assert_num_queries):
    one, two = campaign.dataset.faces.all()[:2]
    Face.objects.filter(pk=two.pk).update(key="line:a face.jpg")
    text = f"![a *smile*](face:{one.key}) and\n![](face:{two.pk}) ![](<face:line:a face.jpg>)"
    with django_assert_num_queries(1):
        html = instructions_html(campaign, text)
    assert html.count(f'src="/faces/{one.pk}/crop.jpg" alt="a smile"') == 1
    assert html.count(f'src="/faces/{two.pk}/crop.jpg"') == 2


def test_a_face_that_the_data_set_does_not_have_leaves_a_note(campaign):
    other = Dataset.objects.create(name="other")
    face = Face.objects.create(dataset=other, key="other:x", image="x", crop="other/x", crop_sha256="0" * 64)
    html = instructions_html(
        campaign, f"![](face:{face.pk}) ![](face:none) ![](<face:<b>>) ![](face:{'9' * 30})"
    )
    assert "<img" not in html
    assert html.count("The data set has no face") == 3
    assert f"The data set has no face {face.pk}" in html
    assert "<b>" not in html


def test_pictures_of_other_hosts_are_refused_with_their_line():
    text = (
        "# Mind\n\nA ![x](https://elsewhere.example/a.png)\nand ![y](face:1)\n\n"
        "- ![z](/faces/1/crop.jpg)\n- ![](//e.example/b)"
    )
    first, second, third = refusals(text)
    assert first.startswith("Line 3: https://elsewhere.example/a.png can not be shown")
    assert second.startswith("Line 6: /faces/1/crop.jpg")
    assert third.startswith("Line 7: //e.example/b")


def test_without_its_own_a_campaign_has_instructions_that_fit_any(campaign):
    assert "<h2>What does not count</h2>" in instructions_html(campaign)
    assert instructions_html(campaign, "  \n") == instructions_html(campaign)


def test_a_curator_writes_them_and_sees_what_they_become(page, campaign):
    key = campaign.dataset.faces.first().key
    text = f"Mind the ![mouth](face:{key})"
    assert 'alt="mouth"' in page("campaign-instructions-preview", instructions=text)
    assert "Line 1: " in page("campaign-instructions-preview", instructions="![](http://e.example/x)")
    assert save(page, instructions=text) == reverse("campaign-first-minutes", args=[campaign.pk])
    campaign.refresh_from_db()
    assert campaign.instructions == text
    refused = save(page, instructions="Look\n\n![](http://e.example/x)")
    assert "Line 3: http://e.example/x can not be shown" in refused
    campaign.refresh_from_db()
    assert campaign.instructions == text


def test_numbers_that_can_not_be_kept_are_refused(page, campaign):
    assert "There are 0 to ask" in save(page, practice_count=1)
    page("campaign-gold-take", "qualification", count=5)
    assert "There are 5 to ask" in save(page, qualification_count=6, qualification_threshold=5)
    assert "More than the 5" in save(page, qualification_count=5, qualification_threshold=6)
    assert "With 0 everybody passes" in save(page, qualification_count=5)
    assert save(page, qualification_count=5, qualification_threshold=4).startswith("/")
    campaign.refresh_from_db()
    assert (campaign.qualification_count, campaign.qualification_threshold) == (5, 4)


def test_examples_are_taken_picked_explained_and_set_aside(page, campaign):
    assert "Taken: 2." in page("campaign-gold-take", "example", count=2)
    choices = page("campaign-gold-pick", "example")
    taken = set(Gold.objects.values_list("imported_triplet", flat=True))
    triplet = campaign.dataset.imported_triplets.exclude(pk__in=taken).order_by("pk").first()
    assert f'value="{triplet.pk}"' in choices
    assert "4 raters said so, 1 otherwise" in choices
    assert "Added." in page("campaign-gold-pick", "example", triplet=triplet.pk, why="The brows.")
    picked = Gold.objects.get(imported_triplet=triplet)
    assert (picked.purpose, picked.why) == (Purpose.EXAMPLE, "The brows.")
    assert "another purpose" in page("campaign-gold-pick", "practice", triplet=triplet.pk)
    assert "Saved." in page("campaign-gold-change", picked.pk, why="The eyes.")
    assert "The eyes." in page("campaign-gold", "example")
    assert "The eyes." in page("instructions")
    assert "Set aside." in page("campaign-gold-change", picked.pk, aside=1)
    assert "The eyes." not in page("instructions")
    assert "nothing at this address" in page("campaign-gold", "hidden")
    assert "nothing at this address" in page("campaign-gold-pick", "example", triplet=10**9)


def test_a_comparison_of_her_own_is_named_by_keys(page, campaign, curator):
    keys = list(campaign.dataset.faces.order_by("pk").values_list("key", flat=True)[:3])
    given = dict(zip(("anchor", "nearer", "farther"), keys, strict=True))
    assert "There is no face line:none" in page(
        "campaign-gold-mark", "practice", **given | {"nearer": "line:none"}
    )
    assert "Added." in page("campaign-gold-mark", "practice", **given, why="Look.")
    gold = Gold.objects.get()
    assert (gold.marked_by, gold.purpose, gold.why) == (curator, Purpose.PRACTICE, "Look.")
    assert "has this comparison already" in page("campaign-gold-mark", "example", **given)


def test_a_long_list_comes_in_pieces(page, campaign):
    page("campaign-gold-take", "practice", count=30)
    rows = page("campaign-gold", "practice")
    assert rows.count("trio-nearer") == 12
    after = campaign.gold.order_by("pk")[11].pk
    assert f"?after={after}" in rows
