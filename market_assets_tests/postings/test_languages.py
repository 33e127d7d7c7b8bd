"""The language of postings by their words and letters."""

from __future__ import annotations

import polars as pl
import pytest

from market_assets.postings.languages import languages

TEXTS = {
    "en": "You will work with our team and build the tools that they use.",
    "de": "Wir suchen für unser Team in Köln eine Fachkraft, die mit uns wachsen will.",
    "fr": "Nous recherchons pour notre équipe une personne motivée, avec de l'expérience dans la vente.",
    "nl": "Wij zoeken een collega voor ons team, met ervaring in de bouw en oog voor het detail.",
    "pl": "Szukamy osoby do pracy w zespole, która nie boi się wyzwań i jest gotowa na zmiany.",
    "it": "Cerchiamo una persona per il nostro ufficio di Milano, con esperienza nella vendita.",
    "es": "Buscamos una persona para el equipo de ventas con experiencia en la empresa.",
    "pt": "Procuramos uma pessoa para a nossa equipa, com experiência em vendas e gosto pelo que faz.",
    "da": "Vi søger en kollega til vores team, som har erfaring med salg af software og ikke er bange.",
    "sv": "Vi söker en kollega som har erfarenhet av försäljning och inte är rädd för att lära.",
    "no": "Vi søker en kollega til vår avdeling som har erfaring av å bygge hus, og ikke er redd.",
    "fi": "Etsimme kokenutta osaajaa, joka on valmis oppimaan, ja meillä työ on kivaa.",
    "cs": "Hledáme kolegu do týmu, který se nebojí práce s lidmi a je rád na cestách.",
    "ru": "Мы ищем разработчика в команду, который любит сложные задачи.",
    "ja": "私たちはソフトウェアエンジニアを募集しています。経験のある方を歓迎します。",
    "zh": "我们正在寻找一位有经验的软件工程师加入我们的团队,共同开发产品。",
}


@pytest.mark.parametrize(("language", "text"), TEXTS.items())
def test_the_language_of_a_text(language: str, text: str) -> None:
    assert languages(pl.Series(["Senior Engineer"]), pl.Series([text])).to_list() == [language]


@pytest.mark.parametrize(
    ("language", "letter"),
    {"ja": "あ", "zh": "我", "ko": "한", "uk": "ї", "ru": "ж", "el": "λ", "he": "ש", "ar": "ش", "th": "ก"}.items(),
)
def test_twenty_letters_of_a_script_decide(language: str, letter: str) -> None:
    texts = pl.Series([f"Senior Engineer {letter * 20}", f"Senior Engineer – € {letter * 19}"])
    assert languages(pl.Series(["", ""]), texts).to_list() == [language, None]


def test_each_text_is_read_by_itself() -> None:
    texts = pl.Series(list(TEXTS.values()))
    assert languages(texts.clear().extend_constant("The Engineer", len(texts)), texts).to_list() == list(TEXTS)
    assert languages(pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.String)).to_list() == []


@pytest.mark.parametrize(
    "text", ["", "Python, Java, Kubernetes", "12 345", "de la", "Engineer in the " + "x " * 100]
)
def test_without_enough_words_a_language_is_unknown(text: str) -> None:
    assert languages(pl.Series(["Engineer"]), pl.Series([text])).to_list() == [None]


def test_without_a_text_the_title_decides() -> None:
    titles = pl.Series(["Mitarbeiter für die Abteilung mit Erfahrung", "Engineer"])
    assert languages(titles, pl.Series([None, None], dtype=pl.String)).to_list() == ["de", None]
