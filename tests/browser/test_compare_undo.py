"""Taking answers back on the compare page, wherever they are by then."""

from __future__ import annotations

from playwright.sync_api import expect

from annotate.accounts.models import Role, User
from annotate.campaigns.models import Comparison, Showing, Vote
from annotate.campaigns.verification import differences
from tests.browser.annotator import NETWORK_LOST


def faces(ann):
    return tuple(ann.shown_face(place) for place in ("anchor", "left", "right"))


def test_answers_are_taken_back_one_after_the_other_and_given_anew(ann, campaign):
    ann.open()
    ann.page.keyboard.press("u")
    expect(ann.page.locator(".notice")).to_contain_text("nothing to take back")
    seen = []
    for _ in range(3):
        ann.look()
        seen.append((ann.comparison, faces(ann)))
        ann.press("1")
    ann.has_saved(3)
    next_one = ann.look()

    ann.press("Backspace")
    expect(ann.page.locator(".notice")).to_contain_text("here is that pair again")
    ann.has_saved(2)
    assert (ann.look(), faces(ann)) == seen[2]
    expect(ann.page.locator(".progress")).to_have_js_property("value", 2)
    ann.page.reload()
    assert (ann.look(), faces(ann)) == seen[2]
    ann.page.get_by_role("button", name="Undo").click()
    ann.has_saved(1)
    assert (ann.look(), faces(ann)) == seen[1]
    assert Vote.objects.live().count() == 1

    again = {ann.press("2"), ann.press("2")}
    assert again == {seen[1][0], seen[2][0]}
    ann.has_saved(3)
    assert ann.look() == next_one
    while ann.stage.get_attribute("data-state") != "finished":
        ann.press("1")
        expect(ann.stage).not_to_have_attribute("data-state", "loading")
    ann.has_saved(7)
    ann.page.get_by_role("button", name="Take back my last answer").click()
    ann.press("2")
    ann.sees("finished")
    ann.has_saved(7)
    assert Vote.objects.live().count() == 7
    assert list(differences(campaign)) == []


def test_an_answer_that_was_never_sent_is_taken_back_without_the_network(ann):
    ann.visitor.expects(NETWORK_LOST)
    ann.open()
    ann.look()
    ann.has_ahead(3)
    ann.visitor.context.set_offline(True)
    answered = [ann.press("1"), ann.press("1"), ann.press("1")]
    for left, comparison in ((2, answered[2]), (1, answered[1])):
        ann.page.keyboard.press("Control+z")
        expect(ann.root).to_have_attribute("data-unsaved", str(left))
        assert ann.look() == comparison
    ann.page.keyboard.press("Control+z")
    expect(ann.page.locator(".notice")).to_contain_text("needs the network")
    assert ann.look() == answered[1]
    expect(ann.root).to_have_attribute("data-unsaved", "1")
    ann.visitor.context.set_offline(False)
    ann.has_saved(1)
    assert Vote.objects.get().comparison == Showing.objects.get(pk=answered[0]).comparison


def test_an_answer_on_its_way_is_waited_for(ann):
    ann.open()
    first = ann.look()
    held = []
    ann.page.route("**/api/votes", lambda route: held.append(route))
    ann.press("1")
    second = ann.look()
    ann.page.keyboard.press("Backspace")
    ann.page.keyboard.press("2")
    assert ann.comparison == second
    for route in held:
        route.continue_()
    ann.page.unroute("**/api/votes")
    expect(ann.stage).to_have_attribute("data-comparison", str(first))
    ann.has_saved(0)
    ann.press("2")
    ann.has_saved(1)
    assert Vote.objects.count() == 2
    assert Vote.objects.live().get().answer == "right"


def test_what_somebody_went_on_from_stays(ann):
    ann.visitor.expects("409")
    ann.open()
    for _ in range(4):
        ann.press("1")
    ann.has_saved(4)
    before = ann.look()
    bob = User.objects.create_user("bob", None, role=Role.ANNOTATOR)
    for match in Comparison.objects.filter(round=2):
        Showing.objects.create(comparison=match, annotator=bob, low_is_left=True)
    ann.page.keyboard.press("Backspace")
    expect(ann.page.locator(".notice")).to_contain_text("Somebody else has gone on")
    assert ann.look() == before
    ann.press("1")
    ann.has_saved(5)
    assert Vote.objects.live().count() == 5
