"""Rows for the tagger of personal data: written templates filled with generated values.

The tags are BIO over word pieces. Types that a pattern with a checksum or a fixed form
finds better (cards, IBANs, addresses of mail and network, US social security numbers)
have none: the rules of classify/pii look for them.
"""

import re

import numpy as np
from faker import Faker

import data

TYPES = ("PERSON", "STREET_ADDRESS", "ORGANIZATION", "GPE", "DATE_OF_BIRTH", "PHONE_NUMBER", "ZIP_CODE", "US_DRIVER_LICENSE")
TAGS = ("O", *(f"{edge}-{t}" for t in TYPES for edge in "BI"))
SOURCE, SOURCE_NONE = "written-personal", "written-personal-none"

LOCALES = {
    "en": ("en_US", "en_US", "en_US", "en_GB", "en_AU", "en_CA", "en_IN", "en_IE", "en_NZ"), "de": ("de_DE", "de_AT", "de_CH"),
    "fr": ("fr_FR", "fr_CA", "fr_CH"), "es": ("es_ES", "es_MX", "es_AR"), "pt": ("pt_BR", "pt_PT"), "it": ("it_IT",),
    "nl": ("nl_NL", "nl_BE"), "pl": ("pl_PL",), "tr": ("tr_TR",), "sv": ("sv_SE",), "fi": ("fi_FI",), "cs": ("cs_CZ",),
    "zh": ("zh_CN", "zh_TW"), "ja": ("ja_JP",), "en_IN": ("en_IN",),
}
# Names of anywhere turn up in texts of anywhere.
ABROAD = 0.2
DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%B %d, %Y", "%d %B %Y", "%b %d %Y", "%d %b %Y", "%m-%d-%Y", "%d-%m-%y")
HOLE = re.compile(r"\{([A-Z_]+)\}")


class Values:
    """Generated values; a seed gives the same ones again."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng((seed, 11))
        self.fakers: dict[str, Faker] = {}
        self.seed = seed

    def faker(self, locale: str) -> Faker:
        if locale not in self.fakers:
            self.fakers[locale] = Faker(locale)
            self.fakers[locale].seed_instance(self.seed + len(self.fakers))
        return self.fakers[locale]

    def pick(self, *options):
        return options[int(self.random.integers(len(options)))]

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def locale(self, language: str) -> str:
        if language == "en" and self.chance(ABROAD):
            language = self.pick(*LOCALES)
        return self.pick(*LOCALES.get(language, LOCALES["en"]))

    def person(self, f: Faker) -> str:
        if self.chance(0.6):
            return f"{f.first_name()} {f.last_name()}"
        if self.chance(0.15):
            return f"{f.last_name()}, {f.first_name()}"
        if self.chance(0.15):
            return f"{f.first_name()} {f.first_name()[0]}. {f.last_name()}"
        return self.pick(f.name, f.first_name, f.last_name, f.name)()

    def address(self, f: Faker) -> str:
        text = f.address() if self.chance(0.7) else f.street_address()
        return text if self.chance(0.4) else text.replace("\n", ", ")

    def licence(self) -> str:
        letters = "".join(chr(65 + int(i)) for i in self.random.integers(26, size=int(self.pick(0, 1, 1, 1, 2))))
        return letters + "".join(str(i) for i in self.random.integers(10, size=int(self.pick(6, 7, 8, 9, 12))))

    def of(self, kind: str, f: Faker) -> str:
        match kind:
            case "PERSON": return self.person(f)
            case "FIRST": return f.first_name()
            case "STREET_ADDRESS": return self.address(f)
            case "ORGANIZATION": return f.company()
            case "GPE": return self.pick(f.city, f.city, f.country)()
            case "PHONE_NUMBER": return f.phone_number()
            case "ZIP_CODE": return f.postcode()
            case "DATE_OF_BIRTH": return f.date_of_birth(minimum_age=16, maximum_age=95).strftime(self.pick(*DATES))
            case "US_DRIVER_LICENSE": return self.licence()
            case "EMAIL_ADDRESS": return f.email()
            case "IBAN_CODE": return f.iban()
            case "CREDIT_CARD": return f.credit_card_number()
            case "US_SSN": return self.faker("en_US").ssn()
            case "IP_ADDRESS": return self.pick(f.ipv4, f.ipv4, f.ipv6)()
        raise SystemExit(f"templates: {{{kind}}} is no known hole")

    def fill(self, template: str, language: str) -> tuple[str, list[data.Span]]:
        f = self.faker(self.locale(language))
        text, spans, at = "", [], 0
        for hole in HOLE.finditer(template):
            text += template[at:hole.start()]
            at = hole.end()
            kind = "PERSON" if hole[1] == "FIRST" else hole[1]
            value = self.of(hole[1], f)
            start = len(text)
            text += value
            if kind in TYPES:
                spans.append(data.untitled(text, start, len(text), kind))
        return text + template[at:], spans


def rows(count: int, seed: int) -> data.Rows:
    """Each template filled count times, and each prompt without personal data once."""
    values, out = Values(seed), data.Rows()
    for language, template in data.written("pii.txt", 2):
        for _ in range(count):
            text, spans = values.fill(template, language)
            out.add(text, SOURCE, spans=spans, weight=1.0)
    for _, text in data.written("pii-none.txt", 2):
        out.add(text, SOURCE_NONE, weight=1.5)
    return out


def tags(spans: list[data.Span], offsets: list[tuple[int, int]], text: str) -> list[int]:
    """A tag for each piece. A piece belongs to a span if it shares a character with it
    that is no space; pieces may begin with the space before their word."""
    out = [0] * len(offsets)
    for start, end, kind in spans:
        if kind not in TYPES:
            continue
        inside = False
        for i, (a, b) in enumerate(offsets):
            if text[max(a, start):min(b, end)].strip():
                out[i] = 1 + 2 * TYPES.index(kind) + inside
                inside = True
    return out
