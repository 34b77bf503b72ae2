"""The servers that answer, as the environment names them: one or many, OpenAI's, Azure's or compatible ones."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import openai

from recexplainer.core.errors import InputError, did_you_mean

KEY_VARIABLE = "OPENAI_API_KEY"
KINDS = ("open_ai", "azure", "azure_ad")
_NUMBERED = re.compile(r"OPENAI_API_(?:KEY|BASE)_(\d+)")
_AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"
_LONGEST_CONNECT_SECONDS = 10.0
_MASKED = re.compile(r"([\w-]*?)([*•●…xX#]{3,}|\.{3,})([\w-]*)")
_SHORTEST_SECRET = 12  # shorter ones are placeholders ("none", "local"), which may occur in any text


class CredentialError(Exception):
    """The identity of this machine brings no token."""


class Secrets:
    """What must not be written anywhere, and the pen that strikes it out."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def add(self, secret: str | None) -> None:
        """Remember a key or a token."""
        if secret and len(secret) >= _SHORTEST_SECRET:
            self._known.add(secret)

    def hide(self, text: str) -> str:
        """The text without any of them.

        >>> secrets = Secrets()
        >>> secrets.add("sk-0123456789")
        >>> secrets.hide("Incorrect API key sk-0123456789")
        'Incorrect API key [key]'
        >>> secrets.hide("Incorrect API key provided: sk-01******89")
        'Incorrect API key provided: [key]'
        """
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, "[key]")
        return _MASKED.sub(self._without_masked, text)

    def _without_masked(self, found: re.Match[str]) -> str:
        """A key that a server shows by its first and last characters alone is struck out too."""
        first, _, last = found.groups()
        shows = any(secret.startswith(first) and secret.endswith(last) for secret in self._known)
        return "[key]" if first + last and shows else found[0]


@dataclass(frozen=True)
class Endpoint:
    """A server, and the credential for it.

    Attributes:
        suffix: Of its variables: "_01", or "" where there is only one endpoint.
        kind: `open_ai` (OpenAI and all that speaks its protocol), `azure` (a key) or `azure_ad` (a token of
            Entra ID).
        base_url: Up to and with "/v1"; for Azure the address of the resource. None: the SDK's own.
        api_version: Azure's.
        model: The server's name of the model; for Azure the deployment.
        key: The key, or Azure's token; None: the identity of this machine is asked for tokens.
    """

    suffix: str
    kind: str
    base_url: str | None
    api_version: str | None
    model: str
    key: str | None = field(repr=False)

    def client(self, timeout_seconds: float, secrets: Secrets) -> openai.AsyncOpenAI:
        """The SDK's client for this server; it tries nothing twice by itself."""
        secrets.add(self.key)
        secrets.add(urlsplit(self.base_url or "").password)
        timeout = openai.Timeout(timeout_seconds, connect=min(_LONGEST_CONNECT_SECONDS, timeout_seconds / 2))
        if self.kind == "open_ai":
            return openai.AsyncOpenAI(api_key=self.key, base_url=self.base_url, max_retries=0, timeout=timeout)
        token = self.key if self.kind == "azure_ad" else None
        return openai.AsyncAzureOpenAI(
            azure_endpoint=str(self.base_url),
            azure_deployment=self.model,
            api_version=self.api_version,
            api_key=self.key if self.kind == "azure" else None,
            azure_ad_token=token,
            azure_ad_token_provider=_identity_tokens(secrets) if self.kind == "azure_ad" and not token else None,
            max_retries=0,
            timeout=timeout,
        )


def read_endpoints(
    base_url: str | None, model: str, environment: Mapping[str, str], section: str = "judge"
) -> list[Endpoint]:
    """The endpoints that the environment names: the numbered ones in their order, or the one without a number.

    What a numbered endpoint leaves out is taken from the variable without a number, but for the key: a key
    goes to no server that it was not set for.

    Args:
        base_url: Of the endpoints that have no OPENAI_API_BASE of their own.
        model: Of the endpoints that have no ENGINE.
        environment: `os.environ`.
        section: Of params.yaml, with the two.

    Raises:
        InputError: A variable is missing or cannot be used. The message holds no value but the type's.
    """
    numbers = {found[1] for name in environment if (found := _NUMBERED.fullmatch(name)) and environment[name].strip()}
    suffixes = [f"_{number}" for number in sorted(numbers, key=lambda number: (int(number), number))] or [""]
    return [_endpoint(suffix, base_url, model, environment, section) for suffix in suffixes]


def _endpoint(suffix: str, base_url: str | None, model: str, environment: Mapping[str, str], section: str) -> Endpoint:
    def own(name: str) -> str | None:
        return environment.get(name + suffix, "").strip() or None

    def given(name: str) -> str | None:
        return own(name) or environment.get(name, "").strip() or None

    kind = (given("OPENAI_API_TYPE") or "open_ai").lower()
    if kind not in KINDS:
        raise InputError(f"OPENAI_API_TYPE{suffix} is {kind!r}; {did_you_mean(kind, KINDS)}")
    base = (own("OPENAI_API_BASE") if suffix else None) or base_url or given("OPENAI_API_BASE")
    version = given("OPENAI_API_VERSION")
    key = own(KEY_VARIABLE)
    if key is None and kind != "azure_ad":
        raise InputError(_no_key(suffix, section))
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise InputError(f"{KEY_VARIABLE}{suffix} contains spaces, line breaks or other forbidden characters")
    if base is not None and not _is_address(base):
        raise InputError(f"OPENAI_API_BASE{suffix} (or {section}.base_url) must be an address, http://… or https://…")
    if kind != "open_ai":
        for name, value in (("OPENAI_API_BASE", base), ("OPENAI_API_VERSION", version)):
            if value is None:
                raise InputError(f"OPENAI_API_TYPE{suffix} is {kind}, which also needs {name}{suffix}")
    if kind == "azure_ad" and key is None:
        _azure_identity()
    return Endpoint(suffix, kind, base, version, given("ENGINE") or model, key)


def _no_key(suffix: str, section: str) -> str:
    hint = "set it (any text works for a local server without keys)"
    if suffix:
        return f"OPENAI_API_BASE{suffix} is set but {KEY_VARIABLE}{suffix} is not; {hint}"
    return f"{section} uses a server and needs the environment variable {KEY_VARIABLE}; {hint}"


def _is_address(base: str) -> bool:
    try:
        parts = urlsplit(base)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _azure_identity() -> Callable[[], str]:
    try:
        from azure.identity import DefaultAzureCredential, get_bearer_token_provider
    except ImportError:
        raise InputError(
            f"OPENAI_API_TYPE azure_ad needs a token in {KEY_VARIABLE} (with the endpoint's number), or the "
            "package azure-identity, which obtains one: pip install azure-identity"
        ) from None
    provider: Callable[[], str] = get_bearer_token_provider(DefaultAzureCredential(), _AZURE_SCOPE)
    return provider


def _identity_tokens(secrets: Secrets) -> Callable[[], Awaitable[str]]:
    provider = _azure_identity()

    async def token() -> str:
        try:
            fresh = await asyncio.to_thread(provider)
        except Exception as error:  # the library has many
            raise CredentialError(f"Azure's identity returns no token ({type(error).__name__})") from None
        secrets.add(fresh)
        return fresh

    return token
