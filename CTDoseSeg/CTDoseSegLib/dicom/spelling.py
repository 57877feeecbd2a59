"""Spellings of names that are one: without case, diacritics, width, and script where one can be
written in the other.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

# By sound, coarser than any standard: what two spellings of a name differ in is left out.
_LETTERS = {
    **dict(zip("абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґў", (
        *("a", "b", "v", "g", "d", "e", "zh", "z", "i", "i", "k", "l", "m", "n", "o", "p", "r"),
        *("s", "t", "u", "f", "h", "c", "ch", "sh", "shch", "", "i", "", "e", "iu", "ia", "i"),
        *("i", "ie", "g", "u"),
    ), strict=True)),
    **{"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "a", "œ": "o", "ı": "i"},
    **{"y": "i", "j": "i", "w": "v", "x": "ks"},
}  # fmt: skip
# Two letters that other spellings write as one.
_PAIRS = {"kh": "h", "ts": "c"}
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"}
_KANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}  # hiragana to katakana


@dataclass(frozen=True)
class Skeleton:
    """A text reduced to what its spellings share, a space for each run of anything else.

    Attributes
    ----------
    text
        Letters and digits, and spaces.
    places
        For each of its characters the index of the one that it comes from.
    """

    text: str
    places: tuple[int, ...]


def skeleton(text: str) -> Skeleton:
    """Reduce a text to what its spellings share.

    Examples
    --------
    >>> skeleton("MÜLLER-Иванов").text == skeleton("Muller Iwanow").text
    True
    """
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for letter in _reduced(character):
            last = letters[-1] if letters else " "
            if letter == last and (letter == " " or (letter.isalpha() and letter not in "aeou")):
                continue
            if pair := _PAIRS.get(last + letter):
                letters[-1] = pair
                continue
            letters.append(letter)
            places.append(place)
    return Skeleton("".join(letters), tuple(places))


def skeletons(word: str) -> set[str]:
    """Return the skeletons of a name's word, with its umlauts written either way.

    Examples
    --------
    >>> sorted(skeletons("Müller")), sorted(skeletons("Mueller"))
    (['mueler', 'muler'], ['mueler', 'muler'])
    """
    plain = unicodedata.normalize("NFC", word).casefold()
    expanded, contracted = plain, plain
    for one, two in _UMLAUTS.items():
        expanded, contracted = expanded.replace(one, two), contracted.replace(two, two[0])
    return {skeleton(spelling).text.strip() for spelling in (plain, expanded, contracted)} - {""}


def _reduced(character: str) -> str:
    if script(character) in ("CJK", "HANGUL"):
        return character
    plain = []
    for letter in unicodedata.normalize("NFKD", character.casefold()):
        if not unicodedata.combining(letter):
            letter = letter.translate(_KANA)
            plain.append(_LETTERS.get(letter, letter if letter.isalnum() else " "))
    return "".join(plain)


def script(character: str) -> str:
    """Return the script of a letter: LATIN, CYRILLIC, CJK, HANGUL, KATAKANA...; else nothing."""
    if not character.isalpha():
        return ""
    if character.isascii():
        return "LATIN"
    name = unicodedata.name(character, "UNKNOWN").removeprefix("FULLWIDTH ")
    word = name.removeprefix("HALFWIDTH ").partition(" ")[0].partition("-")[0]
    return "KATAKANA" if word == "HIRAGANA" else word


def is_syllabic(character: str) -> bool:
    """Return whether one or two of such letters are a name: Han and Hangul."""
    return script(character) in ("CJK", "HANGUL")
