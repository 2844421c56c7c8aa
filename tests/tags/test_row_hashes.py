"""Numbers of keys and captions: fixed for all machines, deaf to what editors and containers change."""

import hashlib

import pytest

from tagalign.tags.row_hashes import caption_hash, hash_of_both, key_hash


def test_a_number_is_signed_and_has_64_bits():
    numbers = [key_hash(str(i)) for i in range(1000)]
    assert len(set(numbers)) == 1000
    assert min(numbers) < 0 < max(numbers)
    assert all(-(2**63) <= number < 2**63 for number in numbers)


@pytest.mark.parametrize("function", [key_hash, caption_hash])
def test_how_letters_are_composed_parts_nothing(function):
    assert function("cafe\u0301") == function("caf\u00e9") != function("cafe")


def test_blanks_part_no_captions_but_keys():
    assert caption_hash(" a\tdog\r\n") == caption_hash("a dog")
    assert caption_hash("a dog") != caption_hash("adog")
    assert key_hash("a dog ") == key_hash("a dog") != key_hash("a  dog")


def test_both_numbers_part_what_either_of_them_parts():
    keys, captions = [key_hash("a"), key_hash("b")], [caption_hash("x"), caption_hash("y")]
    assert len({hash_of_both(k, c) for k in keys for c in captions}) == 4
    assert hash_of_both(keys[0], captions[0]) != hash_of_both(captions[0], keys[0])


def test_numbers_are_those_of_every_machine():
    """Stored with tags: an eight-byte BLAKE2b digest, read from its low byte on."""
    digest = hashlib.blake2b("犬".encode(), digest_size=8).digest()
    low_first = sum(byte << 8 * place for place, byte in enumerate(digest))
    assert key_hash("犬") % 2**64 == low_first
