"""Changes what may be changed of a campaign that is under way: nothing that its brackets rest on."""

from __future__ import annotations

from django.db import transaction

from annotate.campaigns.models import Campaign

CHANGEABLE = ("name", "gold_rate", "pause_after_minutes", "extra_comparisons", "extra_confidence")


@transaction.atomic
def change_campaign(campaign: Campaign, **settings: object) -> None:
    """Set some of CHANGEABLE. Raises ValueError for others, ValidationError where one is out of bounds."""
    if wrong := set(settings) - set(CHANGEABLE):
        raise ValueError(f"{', '.join(sorted(wrong))} can not be changed once a campaign exists")
    before = Campaign.objects.select_for_update().get(pk=campaign.pk)
    for name, value in settings.items():
        setattr(campaign, name, value)
    campaign.full_clean()
    campaign.save(update_fields=list(settings))
    if campaign.extra_confidence > before.extra_confidence:
        # What was sure enough may not be any more; whoever comes next finds out.
        campaign.groups.filter(is_sure=True).update(is_sure=False)
