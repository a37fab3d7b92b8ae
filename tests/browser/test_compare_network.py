"""What becomes of answers when the network, the login or somebody else comes between."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import expect

from annotate.accounts.models import Role, User
from annotate.campaigns.creation import create_campaign
from annotate.campaigns.models import Bracket, Showing, Vote
from annotate.campaigns.verification import differences
from tests.browser.annotator import NETWORK_LOST, Annotator, answer_as
from tests.browser.conftest import DESKTOP, PHONE


def test_answers_given_offline_are_stored_once_when_the_network_is_back(ann):
    ann.visitor.expects(NETWORK_LOST)
    ann.open()
    ann.press("1")
    ann.look()
    ann.has_saved(1)
    ann.has_ahead(2)
    ann.visitor.context.set_offline(True)
    answered = [ann.press("2") for _ in range(3)]
    ann.sees("unreachable")
    expect(ann.root).to_have_attribute("data-unsaved", "3")
    expect(ann.root).to_have_attribute("data-mine", "1")
    expect(ann.page.locator(".not-saved")).to_have_text("3 not saved yet")
    assert Vote.objects.count() == 1

    ann.visitor.context.set_offline(False)
    ann.has_saved(4)
    ann.look()
    assert sorted(Vote.objects.values_list("comparison__showings", flat=True))[-3:] == sorted(answered)


def test_answers_not_yet_saved_survive_a_reload(ann):
    ann.visitor.expects(NETWORK_LOST)
    ann.open()
    ann.look()
    ann.has_ahead(3)
    ann.page.route("**/api/**", lambda route: route.abort())
    answered = {ann.press("1"), ann.press("1")}
    ann.page.reload()
    ann.sees("unreachable")
    expect(ann.root).to_have_attribute("data-unsaved", "2")
    ann.page.unroute("**/api/**")
    ann.page.get_by_role("button", name="Try now").click()
    ann.has_saved(2)
    assert ann.look() not in answered
    assert set(Vote.objects.values_list("comparison__showings", flat=True)) == answered


def test_a_lease_from_before_the_answers_arrived_shows_nothing_twice(ann):
    ann.visitor.expects(NETWORK_LOST)
    with ann.page.expect_response("**/leases") as leased:
        ann.open()
    before = leased.value.json()
    ann.look()
    ann.has_ahead(3)
    ann.page.route("**/api/**", lambda route: route.abort())
    answered = {ann.press("1"), ann.press("1")}
    ann.page.reload()
    ann.sees("unreachable")
    ann.page.unroute("**/api/**")
    late = []
    ann.page.route("**/leases", lambda route: late.append(route))
    ann.page.get_by_role("button", name="Try now").click()
    ann.has_saved(2)
    for route in late:
        route.fulfill(json=before)
    ann.page.unroute("**/leases")
    assert not answered & {ann.press("1"), ann.press("1"), ann.look()}


def test_an_answer_whose_acknowledgement_got_lost_is_stored_once(ann):
    ann.visitor.expects(NETWORK_LOST)
    ann.open()
    sent = []

    def lose_the_first_reply(route):
        sent.append(route.request.post_data_json["id"])
        if len(sent) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    ann.page.route("**/api/votes", lose_the_first_reply)
    ann.press("1")
    ann.has_saved(1)
    assert len(sent) == 2 and len(set(sent)) == 1
    assert [str(pk) for pk in Vote.objects.values_list("pk", flat=True)] == sent[:1]


def test_somebody_else_decided_meanwhile(ann):
    ann.open()
    bob = User.objects.create_user("bob", None, role=Role.ANNOTATOR)
    answer_as(bob, Showing.objects.get(pk=ann.look()).comparison)
    ann.press("1")
    expect(ann.page.locator(".notice")).to_contain_text("Others had decided")
    ann.look()
    ann.has_saved(1)
    assert not Vote.objects.get(annotator__username="ann").counts


def test_logged_out_keeps_the_answer_and_sends_it_after_logging_in(ann, annotator):
    ann.visitor.expects("403")
    ann.open()
    ann.look()
    ann.has_ahead(3)
    Session.objects.all().delete()
    answered = ann.press("1")
    ann.sees("logged-out")
    ann.page.get_by_role("link", name="Log in and go on").click()
    ann.page.get_by_label("Username").fill("ann")
    ann.page.get_by_label("Password").fill("a-password-for-ann")
    ann.page.get_by_role("button", name="Log in").click()
    ann.look()
    ann.has_saved(1)
    assert Showing.objects.get(pk=answered).comparison == Vote.objects.get().comparison


def test_a_page_left_open_by_one_sends_nothing_in_the_name_of_the_next(ann, visit):
    ann.visitor.expects("403")
    ann.open()
    ann.look()
    other = User.objects.create_user("bob", "a-password-for-bob", role=Role.ANNOTATOR)
    tab = ann.visitor.context.new_page()
    ann.visitor.context.clear_cookies(name="sessionid")
    tab.goto(ann.visitor.base_url + reverse("login"))
    tab.get_by_label("Username").fill("bob")
    tab.get_by_label("Password").fill("a-password-for-bob")
    tab.get_by_role("button", name="Log in").click()
    tab.wait_for_url("**/")
    ann.press("1")
    ann.sees("logged-out")
    assert not Vote.objects.filter(annotator=other).exists()


def test_an_answer_left_behind_is_sent_from_the_home_page(ann):
    ann.visitor.expects(NETWORK_LOST)
    ann.open()
    ann.look()
    ann.page.route("**/api/**", lambda route: route.abort())
    ann.press("1")
    ann.visitor.open(reverse("home"))
    note = ann.page.locator('[data-deliver="semblance"]')
    expect(note).to_contain_text("not saved yet when you left: 1")
    ann.page.unroute("**/api/**")
    ann.page.evaluate("dispatchEvent(new Event('online'))")
    expect(note).to_be_hidden()
    assert Vote.objects.count() == 1


def test_ten_answers_given_offline_survive_a_reload_and_are_stored_once(visit, annotator, dataset):
    campaign = create_campaign(
        name="Three groups", dataset=dataset, groups=3, k=8, repetitions=1, seed=3
    ).campaign
    ann = Annotator(visit(annotator), campaign).open()
    ann.visitor.expects(NETWORK_LOST)
    ann.look()
    ann.has_ahead(11)
    ann.page.route("**/api/**", lambda route: route.abort())
    answered = [ann.press("12"[turn % 2]) for turn in range(10)]
    expect(ann.page.locator(".not-saved")).to_have_text("10 not saved yet")
    ann.page.reload()
    expect(ann.root).to_have_attribute("data-unsaved", "10")
    assert not Vote.objects.exists()
    ann.page.unroute("**/api/**")
    ann.page.evaluate("dispatchEvent(new Event('online'))")
    ann.has_saved(10)
    assert ann.look() not in answered
    votes = Vote.objects.order_by("created_at")
    shown = dict(Showing.objects.values_list("comparison", "pk"))
    assert [shown[vote.comparison_id] for vote in votes] == answered
    assert [vote.answer for vote in votes] == ["left", "right"] * 5


WATCH = """() => {
    window.moved = [];
    new PerformanceObserver((list) => moved.push(
        ...list.getEntries().flatMap(({ sources }) => sources.map(({ node }) => node?.outerHTML ?? "text"))
    )).observe({ type: "layout-shift", buffered: true });
}"""


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_moves_while_answers_wait_to_be_saved(visit, annotator, dataset, screen):
    campaign = create_campaign(
        name="Three groups", dataset=dataset, groups=3, k=8, repetitions=1, seed=3
    ).campaign
    ann = Annotator(visit(annotator, **screen), campaign).open()
    ann.look()
    ann.has_ahead(11)
    ann.page.evaluate(WATCH)
    held = []
    ann.page.route("**/api/votes", lambda route: held.append(route), times=1)
    for _ in range(11):
        ann.press("1")
    expect(ann.page.locator(".saving")).to_have_text("saving 11…")
    held[0].continue_()
    ann.has_saved(11)
    assert ann.page.evaluate("moved") == []


def test_two_annotators_at_once(visit, annotator, dataset):
    campaign = create_campaign(
        name="Two repetitions", dataset=dataset, groups=1, k=4, repetitions=2, seed=1
    ).campaign
    bob = User.objects.create_user("bob", None, role=Role.ANNOTATOR)
    both = [Annotator(visit(person), campaign).open() for person in (annotator, bob)]
    for _ in range(3):
        for one in both:
            one.press("1")
    for one in both:
        one.has_saved(3)
        one.sees("finished")
    assert Vote.objects.filter(counts=True, is_stand_in=False).count() == 6
    assert Bracket.objects.filter(finished_at__isnull=False).count() == 2
    assert list(differences(campaign)) == []
