"""What went out, counted by file."""

from concurrent.futures import ThreadPoolExecutor

from tagalign.testing.model_hub.log import HubLog, HubRequest


def request(file, sent):
    return HubRequest(method="GET", path=f"/{file}", file=file, status=200, sent=sent, token="")


def test_bytes_and_fetches_by_file():
    log = HubLog()
    for file, sent in [("a", 3), ("b", 5), ("a", 4), ("a", 0), ("", 0)]:
        log.add(request(file, sent))
    assert log.bytes_sent() == {"a": 7, "b": 5}
    assert log.fetches() == {"a": 2, "b": 1}
    assert [one.sent for one in log.requests] == [3, 5, 4, 0, 0]
    log.clear()
    assert log.requests == ()
    assert not log.bytes_sent()


def test_no_request_is_lost_between_threads():
    log = HubLog()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: log.add(request("a", 1)), range(500)))
    assert log.bytes_sent() == {"a": 500}
