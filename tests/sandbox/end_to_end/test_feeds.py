"""Export feeds: their order, their tokens, and changes between two reads."""

from __future__ import annotations

import itertools

from support.servicetitan import ACTIVITY_FEED, Client


def _ids(page: dict[str, list[dict[str, int]]]) -> list[int]:
    return [record["id"] for record in page["data"]]


def test_feed_has_every_record_in_order_of_modification(client: Client) -> None:
    pages = list(client.feed(ACTIVITY_FEED))
    times = [record["modifiedOn"] for page in pages for record in page["data"]]
    records = [record for page in pages for record in page["data"]]

    assert [len(page["data"]) for page in pages] == [30, 30, 30, 10]
    assert times == sorted(times)
    assert sorted(records, key=lambda record: record["id"]) == client.control.records(
        client.tenant.tenant_id, "activities"
    )
    assert {record["active"] for record in records} == {True, False}


def test_token_at_the_end_shows_only_later_changes(client: Client) -> None:
    tenant, control = client.tenant.tenant_id, client.control
    *_, last = client.feed(ACTIVITY_FEED)
    token = last["continueFrom"]
    assert client.page(ACTIVITY_FEED, **{"from": token})["data"] == []

    first, second = [record["id"] for record in control.records(tenant, "activities")][:2]
    control.update(tenant, "activities", first)
    added = control.insert(tenant, "activities")["id"]
    control.deactivate(tenant, "activities", second)
    control.update(tenant, "activities", first)

    assert _ids(client.page(ACTIVITY_FEED, **{"from": token})) == [added, second, first]
    control.delete(tenant, "activities", first)
    assert _ids(client.page(ACTIVITY_FEED, **{"from": token})) == [added, second]
    control.restore(tenant, "activities", first)
    assert _ids(client.page(ACTIVITY_FEED, **{"from": token})) == [added, second, first]


def test_changed_record_moves_to_the_end_of_the_whole_feed(client: Client) -> None:
    before = list(itertools.chain.from_iterable(map(_ids, client.feed(ACTIVITY_FEED))))
    client.control.update(client.tenant.tenant_id, "activities", before[5])

    after = list(itertools.chain.from_iterable(map(_ids, client.feed(ACTIVITY_FEED))))
    assert after == [*before[:5], *before[6:], before[5]]


def test_feed_starts_from_a_date(client: Client) -> None:
    records = [record for page in client.feed(ACTIVITY_FEED) for record in page["data"]]
    day = records[40]["modifiedOn"][:10]
    expected = [record["id"] for record in records if record["modifiedOn"] >= day]

    found = list(itertools.chain.from_iterable(map(_ids, client.feed(ACTIVITY_FEED, **{"from": day}))))
    assert found == expected
    assert 0 < len(found) < 100


def test_recent_changes_repeat_records(client: Client) -> None:
    first = client.page(ACTIVITY_FEED)
    token = {"from": first["continueFrom"]}
    plain = _ids(client.page(ACTIVITY_FEED, **token))

    assert _ids(client.page(ACTIVITY_FEED, **token, includeRecentChanges="true")) == [_ids(first)[-1], *plain]


def test_token_of_another_feed_is_refused(client: Client) -> None:
    token = client.page("/settings/v2/tenant/{tenant}/export/technicians")["continueFrom"]

    assert client.get(ACTIVITY_FEED, **{"from": token}).status_code == 400
    assert client.get(ACTIVITY_FEED, **{"from": "nonsense"}).status_code == 400
