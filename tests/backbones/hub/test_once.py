"""A scope remembers what was listed, an inner scope is part of it, and outside nothing is kept."""

from concurrent.futures import ThreadPoolExecutor

from tagalign.backbones.hub.once import asked_once, heard


def test_outside_nothing_is_kept():
    heard()["org/model"] = "listing"
    assert heard() == {}


def test_a_scope_remembers_and_forgets_at_its_end():
    with asked_once():
        heard()["org/model"] = "listing"
        assert heard() == {"org/model": "listing"}
    assert heard() == {}


def test_an_inner_scope_is_part_of_the_outer_one():
    with asked_once():
        heard()["a"] = 1
        with asked_once():
            heard()["b"] = 2
        assert heard() == {"a": 1, "b": 2}


def test_a_fault_ends_the_scope_too():
    try:
        with asked_once():
            heard()["a"] = 1
            raise KeyError
    except KeyError:
        pass
    assert heard() == {}


def test_threads_ask_for_themselves():
    with asked_once():
        heard()["a"] = 1
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(heard).result() == {}
