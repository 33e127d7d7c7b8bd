"""Skills are found where a reader would find them, and nowhere else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest

from market_assets.skills.matching import skill_matcher
from market_assets.skills.taxonomy import Skill, load_taxonomy

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "skills"


def found(text: str) -> list[str]:
    return skill_matcher(load_taxonomy()).find(text)


# ------------------------------------------------------------------ sentences

PUNCTUATION = [
    ("Java, JavaScript", ["Java", "JavaScript"]),
    ("JavaScripting in Javanese", []),
    ("C, C++ and C# for embedded work", ["C", "C#", "C++"]),
    ("Strong C++.", ["C++"]),
    ("Knowledge of C#.", ["C#"]),
    ("F#/C#/.NET", [".NET", "C#", "F#"]),
    ("ASP.NET, VB.NET", ["ASP.NET", "VB.NET"]),
    ("ASP .NET and .NET Core", [".NET"]),
    ("We use .NET.", [".NET"]),
    ("Node.js, Next.js. Vue.js!", ["Next.js", "Node.js", "Vue"]),
    ("node js and NodeJS", ["Node.js"]),
    ("Node.JS", ["Node.js"]),
    ("CI/CD", ["CI/CD"]),
    ("CI / CD and CI-CD", ["CI/CD"]),
    ("T-SQL or PL/SQL", ["PL/SQL", "SQL", "T-SQL"]),
    ("A/B Testing", ["A/B Testing"]),
    ("TCP/IP", ["TCP/IP"]),
    ("Java/Scala", ["Java", "Scala"]),
    ("(Python)", ["Python"]),
    ("•Python•Scala", ["Python", "Scala"]),
    ("-Python\n-Scala", ["Python", "Scala"]),
    ("* Python\t* Scala", ["Python", "Scala"]),
    ("“Python” — ‘Scala’…", ["Python", "Scala"]),
    ("Python’s and Scala's ecosystems", ["Python", "Scala"]),
    ("Python,Scala;Kotlin:PHP|Perl", ["Kotlin", "PHP", "Perl", "Python", "Scala"]),
    ("experience with Python.Knowledge of Scala", ["Python", "Scala"]),
    ("see www.python.org or scala.index", []),
    ("Python...Scala", ["Python", "Scala"]),
    ("Python+Scala", ["Python", "Scala"]),
    ("#Python #Scala", ["Python", "Scala"]),
    ("__Python__ python_developer", ["Python"]),
    ("PYTHON python PyThOn", ["Python"]),
    ("Python3", ["Python"]),
    ("xPython Pythonx Pythonic5", []),
    ("Python3.11, Java17+, HTML5", ["HTML", "Java", "Python"]),
    ("Python 3.11 and Office365", ["Microsoft Office", "Python"]),
    ("#MachineLearning DataScience", ["Data Science", "Machine Learning"]),
    ("<ul><li>Python</li><li>Node.js</li></ul>", ["Node.js", "Python"]),
    ("scikit learn, scikit-learn, sklearn", ["scikit-learn"]),
    ("scikit‑learn", ["scikit-learn"]),
    ("machine\n  learning", ["Machine Learning"]),
    ("machine, learning", []),
    ("machine-learning engineer", ["Machine Learning"]),
    ("Profit: financial planning & analysis", ["FP&A"]),
    ("shipping & receiving, routing & switching", ["Routing and Switching", "Shipping and Receiving"]),
    ("Security+ and Network+", ["CompTIA Network+", "CompTIA Security+"]),
    ("HTML/CSS", ["CSS", "HTML"]),
    ("a Driver’s License", ["Driver's License"]),
]

LONGEST = [
    ("React Native", ["React Native"]),
    ("React Native and React", ["React", "React Native"]),
    ("React/React Native", ["React", "React Native"]),
    ("Spring Boot with Java", ["Java", "Spring", "Spring Boot"]),
    ("SQL Server", ["SQL", "SQL Server"]),
    ("AWS Lambda", ["AWS", "AWS Lambda"]),
    ("Azure DevOps", ["Azure", "Azure DevOps"]),
    ("JavaScript", ["JavaScript"]),
    ("SOC 2 audits", ["SOC 2"]),
    ("Ruby on Rails backend", ["Backend Development", "Ruby", "Ruby on Rails"]),
]

AMBIGUOUS = [
    ("Backend services in Go and Rust", ["Backend Development", "Go", "Rust"]),
    ("golang", ["Go"]),
    ("Go to our website for the software language list", []),
    ("our Go-to-market programming language", ["Go-to-Market Strategy"]),
    ("ready to go with any programming language", []),
    ("Go/No Go criteria for software", []),
    ("Statistics in R, SAS and SQL", ["R", "SAS", "SQL", "Statistics"]),
    ("R&D with statistics", ["Statistics"]),
    ("R & D with statistics", ["Statistics"]),
    ("the R-word of statistics", ["Statistics"]),
    ("R. Smith will call you", []),
    ("Embedded firmware in C", ["C", "Firmware"]),
    ("C/C++", ["C", "C++"]),
    ("Vitamin C for Python programmers", ["Python"]),
    ("a Series C start-up on Linux", ["Linux"]),
    ("C-level Linux buyers", ["Linux"]),
    ("USB-C and Linux", ["Linux"]),
    ("Plan C", []),
    ("Microsoft Word, Excel and PowerPoint", ["Excel", "PowerPoint", "Word"]),
    ("Excel at what you do", []),
    ("you excel and access", []),
    ("Word of mouth in our Excel office", ["Excel"]),
    ("In a Word: Python", ["Python"]),
    ("Access, Excel and Word", ["Access", "Excel", "Word"]),
    ("Access to Excel", ["Excel"]),
    ("Access control with Excel", ["Excel"]),
    ("Chef, Puppet and Ansible", ["Ansible", "Chef", "Puppet"]),
    ("Chef for our restaurant", []),
    ("Sous Chef, Docker catering", ["Catering", "Culinary Arts", "Docker"]),
    ("iOS apps in Swift", ["Swift", "iOS"]),
    ("a Swift response to iOS", ["Swift", "iOS"]),
    ("a swift response to iOS", ["iOS"]),
    ("Swift hiring decisions", []),
    ("Rust and C++", ["C++", "Rust"]),
    ("Rust Belt code", []),
    ("rust removal", []),
    ("Ruby, Python", ["Python", "Ruby"]),
    ("Ruby Smith, receptionist", ["Front Desk"]),
    ("Express and MongoDB", ["Express", "MongoDB"]),
    ("American Express and MongoDB", ["MongoDB"]),
    ("Express your interest", []),
    ("Kafka and Spark", ["Kafka", "Spark"]),
    ("Spark Capital invests in data", []),
    ("Spark joy in our guests", []),
    ("Oracle, MySQL", ["MySQL", "Oracle"]),
    ("Oracle is our landlord", []),
    ("Flutter and Dart", ["Dart", "Flutter"]),
    ("Dart league on Fridays", []),
    ("REST and SOAP", ["REST API", "SOAP"]),
    ("the rest of us use soap", []),
    ("React, Vue", ["React", "Vue"]),
    ("react to changes", []),
    ("Less, Sass and CSS", ["CSS", "Less", "Sass"]),
    ("Less is more", []),
    ("fluent German and French", ["French", "German"]),
    ("our German customers", []),
    ("polish your English language", ["English"]),
    ("Polish and English, both spoken", ["English", "Polish"]),
    ("ML models, 5 ml of water", ["Machine Learning"]),
    ("AI-powered", ["Artificial Intelligence"]),
    ("Unity 3D games in C#", ["C#", "Unity"]),
    ("Unity in the team", []),
    ("Lean and Six Sigma", ["Lean", "Six Sigma"]),
    ("Lean on us", []),
    ("Java with Hibernate and Spring", ["Hibernate", "Java", "Spring"]),
    ("Spring internship", []),
    ("Julia will welcome you", []),
    ("Python, Julia", ["Julia", "Python"]),
    ("Salesforce and Apex", ["Apex", "Salesforce"]),
    ("the Apex of your career", []),
    ("Selenium, Cypress", ["Cypress", "Selenium"]),
    ("Cypress, California", []),
    ("Hive and Hadoop", ["Apache Hive", "Hadoop"]),
    ("bees in a hive", []),
    ("Lambda, S3 and DynamoDB on AWS", ["AWS", "AWS Lambda", "Amazon S3", "DynamoDB"]),
    ("the Lambda Chi alumni", []),
    ("Python and Shell", ["Python", "Shell Scripting"]),
    ("a Shell petrol station", []),
    ("GCP or Azure", ["Azure", "Google Cloud"]),
    ("an agile Scrum team", ["Agile", "Scrum"]),
    ("agile enough to climb ladders", []),
    ("tableau and python", ["Python", "Tableau"]),
    ("PLC, SCADA and HMI", ["HMI", "PLC Programming", "SCADA"]),
    ("Example Holdings PLC", []),
    ("salary in CAD", []),
    ("sql, excel and powerpoint", ["Excel", "PowerPoint", "SQL"]),
    ("You will excel in Excel", ["Excel"]),
    ("AIRFLOW, PYTHON", ["Airflow", "Python"]),
    ("ducts and airflow", []),
    ("agile and waterfall projects", ["Agile", "Waterfall"]),
    ("a walk to the waterfall", []),
]

UNICODE = [
    ("İİİ Python İ Go language", ["Go", "Python"]),
    ("ẞẞ Ⱥ Go language", ["Go"]),
    ("Ｐｙｔｈｏｎ", ["Python"]),
    ("𝗣𝘆𝘁𝗵𝗼𝗻 and 𝐒𝐜𝐚𝐥𝐚", ["Python", "Scala"]),
    ("PÂTISSERIE, pâtisserie, pa\u0302tisserie, patisserie", ["Baking"]),
    ("Ça: Çode R", []),
    ("精通Python和Scala开发", ["Python", "Scala"]),
    ("опыт Python-разработки", ["Python"]),
    ("Pythonиста", []),
    ("Py\u00adthon", ["Python"]),
    ("\u200bPython\u200b", ["Python"]),
    ("Python™ Scala®", ["Python", "Scala"]),
    ("machine\u00a0learning", ["Machine Learning"]),
    ("\0Python\0Scala\x07\x1b", ["Python", "Scala"]),
    ("Python\ud800Scala", ["Python", "Scala"]),
    ("Python \ud800 Scala", ["Python", "Scala"]),
    ("😀Python😀", ["Python"]),
    ("", []),
    (" \n\t\0", []),
    (".", []),
    ("+#.-", []),
]


#: What is often taken for its neighbour.
APART = [
    ("a WAF", ["Web Application Firewall"]),
    ("Cloudflare WAF", ["Cloudflare WAF"]),
    ("gene therapy", ["Gene Therapy"]),
    ("cell therapy", ["Cell Therapy"]),
    ("MDM with Intune", ["Intune", "Mobile Device Management"]),
    ("MDM of product data in Informatica", ["Informatica", "Master Data Management"]),
    ("AWS EMR", ["AWS", "Amazon EMR"]),
    ("an EMR of the clinic", ["Electronic Health Records"]),
    ("Information Security Officer", ["Cybersecurity"]),
    ("Security Officer at the gate", ["Security Guarding"]),
    ("Write to our recruiter.", []),
    ("five years as a recruiter", ["Recruiting"]),
    ("security information and event management", ["SIEM"]),
    ("static application security testing", ["SAST"]),
    ("a hotel in Saas-Fee", []),
    ("Profibus and Profinet", ["Profibus", "Profinet"]),
    ("Modbus or OPC UA", ["Modbus", "OPC UA"]),
    ("DHCP and DNS", ["DHCP", "DNS"]),
    ("OLTP and OLAP", ["OLAP", "OLTP"]),
    ("WebSphere, JBoss, WebLogic", ["JBoss", "WebLogic", "WebSphere"]),
    ("SentinelOne, CrowdStrike", ["CrowdStrike", "SentinelOne"]),
    ("Qualys, Nessus and Tenable", ["Nessus", "Qualys", "Tenable"]),
    ("ISO 13485 and ISO 9001", ["ISO 13485", "ISO 9001"]),
    ("UiPath and Blue Prism", ["Blue Prism", "UiPath"]),
    ("OutSystems or Mendix", ["Mendix", "OutSystems"]),
    ("Google and/or Adobe Analytics", ["Adobe Analytics", "Google Analytics"]),
    ("gearbox assembly in manufacturing", ["Manufacturing"]),
    ("Assembly for ARM firmware", ["Assembly Language", "Firmware"]),
]

LONE = [
    ("Experience with Go required", ["Go"]),
    ("Strong R skills", ["R"]),
    ("We use Go", ["Go"]),
    ("in bestem Zustand. Nähere Informationen zu den Einkaufsmöglichkeiten", []),
    ("autonome Fahrzeuge", []),
    ("piattaforme su larga scala, sistemi distribuiti", ["Distributed Systems"]),
    ("analyses interpreteren, begeleiding bij de aankoop", []),
    ("ＡＳＰ．ＮＥＴ　ＣＯＲＥ（ＭＶＣ　Ｃ＃）開発経験", ["ASP.NET", "C#", "MVC"]),
    ("介護福祉士、普通自動車免許", ["Certified Care Worker", "Driver's License"]),
    ("送迎ドライバー", ["Chauffeuring"]),
    ("Rubyエンジニア募集", ["Ruby"]),
    ("基本設計、製造〜テスト", ["Software Testing", "System Design"]),
    ("適性テストを実施します", []),
    ("BI tools for data and reporting", ["Business Intelligence", "Reporting"]),
    ("Kenntnisse in R", ["R"]),
    ("uses Outlook daily", ["Outlook"]),
    ("Connaissances en C", ["C"]),
    ("Goの経験", ["Go"]),
    ("Experience of Access control", []),
    ("we go where you go", []),
    ("experience in Express delivery", []),
]

LANGUAGES = [
    ("Kenntnisse in maschinellem Lernen und Datenbanken", ["Databases", "Machine Learning"]),
    ("Altenpflegerin in der Pflege", ["Geriatrics", "Nursing"]),
    ("Wartung und Pflege der Anlage", []),
    ("Buchhaltungskenntnisse", ["Accounting"]),
    ("bases de données, comptabilité, anglais courant", ["Accounting", "Databases", "English"]),
    ("un groupe allemand", []),
    ("langues : allemand, anglais", ["English", "German"]),
    ("aprendizaje automático y contabilidad", ["Accounting", "Machine Learning"]),
    ("machinelearning en boekhouding; Engels", ["Accounting", "English", "Machine Learning"]),
    ("znajomość uczenia maszynowego i księgowości", ["Accounting", "Machine Learning"]),
    ("doświadczenie w zarządzaniu projektami", ["Project Management"]),
    ("aprendizado de máquina, inglês", ["English", "Machine Learning"]),
    ("contabilità e apprendimento automatico", ["Accounting", "Machine Learning"]),
    ("maskininlärning och redovisning", ["Accounting", "Machine Learning"]),
    ("機械学習、英語、経理の経験", ["Accounting", "English", "Machine Learning"]),
    ("ＳＱＬとデータベース設計", ["Database Design", "SQL"]),
]


@pytest.mark.parametrize(
    ("text", "expected"), PUNCTUATION + LONGEST + AMBIGUOUS + UNICODE + APART + LONE + LANGUAGES
)
def test_a_sentence_holds_these_skills(text: str, expected: list[str]) -> None:
    assert found(text) == expected


SHIPPED = load_taxonomy().skills
BY_CONTEXT = [skill for skill in SHIPPED if skill.case == "near"]

#: A text, a skill, and whether it is to be found there.
Case = tuple[str, Skill, bool]


def failed(cases: list[Case]) -> list[Case]:
    """The cases that are not as expected, searched in one column."""
    texts = pl.Series([text for text, _, _ in cases], dtype=pl.String)
    extracted = skill_matcher(load_taxonomy()).extract(pl.Series([None] * len(cases), dtype=pl.String), texts)
    names = [{SHIPPED[code].name for code in codes} for codes in extracted["skills"].to_list()]
    assert len(cases) > 10
    return [case for case, found in zip(cases, names, strict=True) if (case[1].name in found) != case[2]]


def test_a_name_in_another_case_may_need_a_word_near_it() -> None:
    cases: list[Case] = []
    for skill in BY_CONTEXT:
        for other in {skill.name.lower(), skill.name.upper()} - {skill.name}:
            cases += [(f"Hello {skill.name} hello", skill, True), (f"Hello {other} hello", skill, False)]
            cases += [(f"{other}, ({word})", skill, True) for word in skill.near]
    assert failed(cases) == []


def test_an_ambiguous_name_needs_a_word_near_it() -> None:
    cases: list[Case] = []
    for skill in SHIPPED:
        if skill.near and skill.case != "near":
            cases.append((f"Hello {skill.name} hello", skill, False))
            cases += [(f"{skill.name}, ({word})", skill, True) for word in skill.near]
            cases.append((f"{skill.near[0]} . {'x' * 40} , {skill.name}", skill, True))
            cases.append((f"{skill.near[0]} . {'x' * 60} , {skill.name}", skill, False))
    assert failed(cases) == []


def test_an_ambiguous_alias_needs_one_of_its_words_near_it() -> None:
    cases: list[Case] = []
    for skill in SHIPPED:
        for alias, words in skill.ambiguous:
            cases.append((f"Hello {alias} hello", skill, False))
            cases += [(f"{alias}, ({word})", skill, True) for word in words]
    assert failed(cases) == []


def test_a_name_marked_exact_is_not_found_in_another_case() -> None:
    cases: list[Case] = []
    for skill in SHIPPED:
        if skill.case == "exact":
            context = ", ".join(skill.near[:3])
            cases.append((f"{skill.name} ( {context} )", skill, True))
            cases.append((f"{skill.name.swapcase()} ( {context} )", skill, False))
    assert failed(cases) == []


def test_a_phrase_with_another_meaning_is_not_the_skill() -> None:
    cases: list[Case] = []
    for skill in SHIPPED:
        context = " | ".join(skill.near[:3])
        for phrase in skill.unless:
            written = re.sub(re.escape(skill.name), skill.name, phrase, flags=re.IGNORECASE)
            cases.append((f"{written} ( {context} )", skill, False))
    assert failed(cases) == []


def test_every_spelling_is_found_in_both_fields() -> None:
    rows = [(position, spelling) for position, skill in enumerate(SHIPPED) for spelling in skill.spellings]
    texts = pl.Series(
        [
            f"x ({spelling.replace('*', 'en')}) ({') ('.join(SHIPPED[position].near_of(spelling)[:2])})"
            for position, spelling in rows
        ]
    )
    nothing = pl.Series([None] * len(rows), dtype=pl.String)
    matcher = skill_matcher(load_taxonomy())
    for extracted in (matcher.extract(texts, nothing), matcher.extract(nothing, texts)):
        missing = [row for row, codes in zip(rows, extracted["skills"], strict=True) if row[0] not in codes]
        assert missing == []


# ----------------------------------------------------------------- evaluation


def test_labelled_postings_are_read_as_a_person_reads_them() -> None:
    path = DATA / "skills_eval.jsonl"
    if not path.exists():
        pytest.skip(f"no labelled postings at {path}")
    # The labels know only these skills, so only these are compared.
    labelled = set(pl.read_parquet(DATA / "posting_skill_sets.parquet")["skill"].drop_nulls())
    right = wrong = missed = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        posting = json.loads(line)
        names = set(found(f"{posting['title']} | {posting['text']}")) & labelled
        expected = set(posting["expected"])
        right += len(names & expected)
        wrong += len(names - expected)
        missed += len(expected - names)
    assert right / (right + wrong) >= 0.85
    assert right / (right + missed) >= 0.9
