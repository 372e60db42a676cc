"""Recognises tokens by their shape: the prefixes and lengths that services give their tokens.

Sources: the services' documentation, and gitleaks' default rules as a guide to what is common.
Only shapes with a fixed part are listed; a plain run of hexadecimal digits is judged by its name
(wizard/secrets/names.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

# Compiles at the first use: most patterns wait for a word that few texts have, and to compile all
# of them takes longer than to search a whole installation.
compile_once = cache(re.compile)

# A token starts after any delimiter, also after an escaped one (`%3D`, `\n`, `\u003d`). Letters and
# digits before it belong to a longer text, such as base64, that has the shape by chance.
_START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt])|(?<=\\u00[0-9A-Fa-f]{2}))"
# For shapes of common letters: no "-" and "_" either. It also keeps a search in a run of such
# characters from starting again inside the run.
_STRICT = r"(?:(?<![A-Za-z0-9_-])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt])|(?<=\\u00[0-9A-Fa-f]{2}))"
# Some prefixes occur in no other text. These tokens are found anywhere: `curl -ughp_...`. Shapes
# with a common needle look behind only where it is, because a literal start is searched fast.
_ANYWHERE = ""
_END = r"(?![A-Za-z0-9_-])"


@dataclass(frozen=True, slots=True)
class TokenShape:
    """What to call the token, the texts of which every match contains one, and the pattern."""

    what: str
    needles: tuple[str, ...]
    pattern: str


def _shape(what: str, needles: str, pattern: str, start: str = _START) -> TokenShape:
    """Return a shape; a token of fixed length must end there, any other one ends with its run.

    A search that failed at the end of an unlimited run would start again inside the run, and the
    time would be quadratic.
    """
    end = "" if ",}+" in pattern else _END
    return TokenShape(what, tuple(needles.split()), start + pattern + end)


SHAPES: tuple[TokenShape, ...] = (
    _shape(
        "a JSON web token",
        "eyJ",
        r"eyJ[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{16,}+",
        _STRICT,
    ),
    _shape("a Vault token", "hvs. hvb. hvr.", r"hv[sbr]\.[A-Za-z0-9_-]{24,}+", _STRICT),
    _shape(
        "a Vault token",
        "s.",
        r"s\.(?:(?<![A-Za-z0-9_.-]s\.)|(?<=%[0-9A-Fa-f]{2}s\.)|(?<=\\[nrt]s\.)"
        r"|(?<=\\u00[0-9A-Fa-f]{2}s\.))(?=[A-Za-z0-9]{0,23}[a-z])(?=[A-Za-z0-9]{0,23}[A-Z])"
        r"(?=[A-Za-z0-9]{0,23}[0-9])[A-Za-z0-9]{24}(?!\.)",
        _ANYWHERE,
    ),
    _shape(
        "an age secret key",
        "AGE-SECRET-KEY-",
        r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Za-z]{58,}+",
        _ANYWHERE,
    ),
    _shape("a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,}+", _ANYWHERE),
    _shape("a GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9_]{60,}+", _ANYWHERE),
    _shape(
        "a GitLab token",
        "glpat- gldt- glrt- glrtr- glcbt- glptt- glsoat- glagent- glft- glimt- glffct- gloas- "
        "glwt-",
        r"gl(?:pat|dt|rtr?|cbt|ptt|soat|agent|ft|imt|ffct|oas|wt)-[A-Za-z0-9_-]{20,}+"
        r"(?:\.[A-Za-z0-9_-]{2,}+)*+",
        _ANYWHERE,
    ),
    _shape("a GitLab token", "GR1348941", r"GR1348941[A-Za-z0-9_-]{20,}+"),
    _shape(
        "an AWS access key",
        "AKIA ASIA ABIA ACCA",
        r"(?:AKIA|ASIA|ABIA|ACCA)(?![A-Z0-9]{0,13}EXAMPLE)[A-Z0-9]{16}",
    ),
    _shape("an AWS Bedrock key", "ABSK", r"ABSK[A-Za-z0-9+/]{100,}+={0,2}"),
    _shape("a Slack token", "xox", r"xox[abeoprsc](?:\.xox[bp])?-[A-Za-z0-9-]{20,}+", _ANYWHERE),
    _shape("a Slack token", "xapp-", r"xapp-\d-[A-Za-z0-9-]{20,}+"),
    _shape(
        "a Slack webhook",
        "hooks.slack.com",
        r"hooks\.slack(?:-gov)?\.com/(?:services/T\w{8,20}/B\w{8,20}/\w{20,}+"
        r"|(?:workflows|triggers)/\w{6,20}/\w{6,20}/\w{20,}+)",
    ),
    _shape("a Slack webhook", "/B", r"T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24}"),
    _shape(
        "a Discord webhook",
        "/api/webhooks/",
        r"/api/webhooks/\d{16,20}/[A-Za-z0-9_-]{60,}+",
        _ANYWHERE,
    ),
    _shape(
        "a Teams webhook",
        "/IncomingWebhook/",
        r"/IncomingWebhook/[0-9a-f]{32}/[0-9a-f-]{36}",
        _ANYWHERE,
    ),
    _shape("a Google API key", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
    _shape("a Google client secret", "GOCSPX-", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    _shape("a Google access token", "ya29.", r"ya29\.[A-Za-z0-9_-]{20,}+"),
    _shape("a Google refresh token", "1//0", r"1//0[A-Za-z0-9_-]{40,}+"),
    _shape(
        "a Stripe key",
        "k_live_ k_test_ k_prod_",
        r"[sr]k_(?:live|test|prod)_[A-Za-z0-9]{16,}+",
    ),
    _shape("a webhook's signing secret", "whsec_", r"whsec_[A-Za-z0-9+/]{24,}+=?"),
    _shape("an npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _shape("a PyPI token", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{50,}+", _ANYWHERE),
    _shape("a RubyGems key", "rubygems_", r"rubygems_[0-9a-f]{48}"),
    _shape("a SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _shape("a Mailgun key", "key-", r"key-(?<![A-Za-z0-9]key-)[0-9a-f]{32}", _ANYWHERE),
    _shape("a Mailchimp key", "-us", r"-us(?<=[0-9a-f]{32}-us)\d{1,2}", _ANYWHERE),
    _shape("a Databricks token", "dapi dose dkea", r"(?:dapi|dose|dkea)[0-9a-f]{32}(?:-\d)?"),
    _shape("a Hugging Face token", "hf_ api_org_", r"(?:hf|api_org)_[A-Za-z0-9]{34,}+"),
    _shape(
        "an OpenAI key",
        "sk-proj- sk-svcacct- sk-admin-",
        r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}+",
    ),
    _shape("an OpenAI key", "T3BlbkFJ", r"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    _shape("an Anthropic key", "sk-ant-", r"sk-ant-[A-Za-z0-9]{3,12}-[A-Za-z0-9_-]{40,}+"),
    _shape("an OpenRouter key", "sk-or-", r"sk-or-v1-[0-9a-f]{64}"),
    _shape("a Groq key", "gsk_", r"gsk_[A-Za-z0-9]{52}"),
    _shape("a Replicate token", "r8_", r"r8_[A-Za-z0-9]{37}"),
    _shape("an xAI key", "xai-", r"xai-[A-Za-z0-9]{80}"),
    _shape("a Perplexity key", "pplx-", r"pplx-[A-Za-z0-9]{48,}+"),
    _shape("a Docker Hub token", "dckr_", r"dckr_[po]at_[A-Za-z0-9_-]{27,}+", _ANYWHERE),
    _shape("a Grafana token", "glsa_", r"glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}"),
    _shape("a Grafana token", "glc_eyJ", r"glc_eyJ[A-Za-z0-9+/]{32,}+={0,2}"),
    _shape("a Grafana key", "eyJrIjoi", r"eyJrIjoi[A-Za-z0-9+/]{60,}+={0,2}", _STRICT),
    _shape("an Atlassian token", "ATATT3 ATCTT3", r"AT[AC]TT3[A-Za-z0-9_=-]{60,}+"),
    _shape("a Bitbucket password", "ATBB", r"ATBB[A-Za-z0-9]{24,}+"),
    _shape("a DigitalOcean token", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    _shape("a Terraform token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}+"),
    _shape("a Pulumi token", "pul-", r"pul-[0-9a-f]{40}"),
    _shape("a Twilio key", "SK", r"SK[0-9a-f]{32}"),
    _shape("a Telegram bot token", ":AA", r"\d{8,10}:AA[A-Za-z0-9_-]{33}", r"(?<!\d)"),
    _shape("an Azure storage key", "AccountKey=", r"AccountKey=[A-Za-z0-9+/]{86}==", _ANYWHERE),
    _shape("an Azure storage key", "+ASt", r"[A-Za-z0-9+/]{76}\+ASt[A-Za-z0-9+/]{6}==", _ANYWHERE),
    _shape("an Azure client secret", "Q~", r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    _shape("an Azure DevOps token", "AZDO", r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}"),
    _shape("a New Relic key", "NRAK-", r"NRAK-[A-Z0-9]{27}"),
    _shape("a Sentry token", "sntrys_ sntryu_", r"sntry[su]_[A-Za-z0-9+/=_]{60,}+", _ANYWHERE),
    _shape("a Shopify token", "shp", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    _shape("a Linear key", "lin_api_", r"lin_api_[A-Za-z0-9]{40}"),
    _shape("a Notion token", "ntn_", r"ntn_[A-Za-z0-9]{43,}+"),
    _shape("a Doppler token", "dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{40,}+"),
    _shape("a Dynatrace token", "dt0", r"dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _shape("a PlanetScale secret", "pscale_", r"pscale_(?:tkn|oauth|pw)_[A-Za-z0-9_.-]{32,}+"),
    _shape("a Postman key", "PMAK-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    _shape("a SonarQube token", "squ_ sqp_ sqa_", r"sq[pua]_[0-9a-f]{40}"),
    _shape("a Buildkite token", "bkua_", r"bkua_[0-9a-f]{40}"),
    _shape("a CircleCI token", "CCIPAT_", r"CCIPAT_[A-Za-z0-9_]{40,}+"),
    _shape("a Supabase token", "sbp_", r"sbp_[0-9a-f]{40}"),
    _shape("a Tailscale key", "tskey-", r"tskey-[a-z]{3,10}-[A-Za-z0-9]{8,}+-[A-Za-z0-9]{16,}+"),
    _shape("a JFrog key", "AKCp", r"AKCp[A-Za-z0-9]{60,}+"),
    _shape("a JFrog token", "cmVmdGtu", r"cmVmdGtu[A-Za-z0-9]{56}"),
    _shape("a 1Password token", "ops_eyJ", r"ops_eyJ[A-Za-z0-9+/_-]{100,}+={0,2}"),
    _shape("a Heroku key", "HRKU-", r"HRKU-[A-Za-z0-9_-]{36,}+"),
    _shape("a Fly.io token", "fm1_ fm2_ fo1_", r"(?:fm[12]r?|fo1)_[A-Za-z0-9+/_-]{40,}+={0,2}"),
    _shape("a dbt Cloud token", "dbtc_ dbtu_", r"dbt[cu]_[A-Za-z0-9_-]{30,}+"),
    _shape("a Prefect key", "pnu_ pnb_", r"pn[ub]_[A-Za-z0-9]{36}"),
    _shape("an OpenShift token", "sha256~", r"sha256~[A-Za-z0-9_-]{43}"),
    _shape("a k3s token", "::server:", r"K10[0-9a-f]{64}::server:[A-Za-z0-9]{16,}+"),
    _shape("a SCRAM verifier", "SCRAM-SHA-256$", r"SCRAM-SHA-256\$\d{3,7}:[A-Za-z0-9+/=]{16,60}\$"),
    _shape(
        "a password hash",
        "$2a$ $2b$ $2y$",
        r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}",
        _ANYWHERE,
    ),
    _shape(
        "a password hash",
        "$apr1$ $1$ $5$ $6$ $y$",
        r"\$(?:apr1|[156]|y)\$(?:rounds=\d{1,9}\$)?[./A-Za-z0-9]{1,32}\$[./A-Za-z0-9$]{22,}+",
        _ANYWHERE,
    ),
)


# Every token is a run of at least 20 of these characters; most texts have few such runs.
_RUN = re.compile(r"[A-Za-z0-9_+/=~.$:-]{20,}+")


def find_tokens(text: str) -> Iterator[tuple[int, str]]:
    """Yield (offset, kind) of every token; the time is linear in the length of the text."""
    runs = "\n".join(_RUN.findall(text))
    if not runs:
        return
    for shape in SHAPES:
        for needle in shape.needles:
            if needle in runs:
                for match in compile_once(shape.pattern).finditer(text):
                    yield match.start(), shape.what
                break
