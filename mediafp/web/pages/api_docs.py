"""The documentation of the API, made from its OpenAPI document, without anything from elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mediafp.web.asking import Asking
from mediafp.web.site import Site
from mediafp.web.views import View

METHODS: Final = ("get", "post", "put", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter, or a field of a body."""

    name: str
    place: str
    """`path`, `query` or `body`."""
    type: str
    is_required: bool
    default: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method of an address."""

    method: str
    path: str
    text: str
    parameters: tuple[Parameter, ...]
    body: str
    """Content type of the body; "" if there is none."""


def add_api_docs(site: Site, asking: Asking) -> None:
    """Add the documentation of the API."""

    def docs() -> View:
        document = site.app.openapi()
        operations = list(iter_operations(document))
        return View(
            template="api_docs.html.j2",
            values={"operations": operations, "origin": site.settings.origin},
            json=lambda: document,
            columns=("method", "path", "description", "parameters"),
            rows=lambda: (
                (one.method, one.path, one.text, " ".join(p.name for p in one.parameters)) for one in operations
            ),
        )

    site.add_view("/api", docs)


def iter_operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Yield the operations of an OpenAPI document, by address."""
    for path, methods in sorted(document.get("paths", {}).items()):
        for method in METHODS:
            if stated := methods.get(method):
                content = stated.get("requestBody", {}).get("content", {})
                body = next(iter(content), "")
                parameters = [_parameter(one, document) for one in stated.get("parameters", [])]
                schema = _resolve(content[body].get("schema", {}), document) if body else {}
                required = schema.get("required", [])
                for name, field in schema.get("properties", {}).items():
                    parameters.append(
                        _parameter(
                            {"name": name, "in": "body", "required": name in required, "schema": field}, document
                        )
                    )
                yield Operation(
                    method=method.upper(),
                    path=path,
                    text=stated.get("description", ""),
                    parameters=tuple(parameters),
                    body=body,
                )


def _parameter(stated: dict[str, Any], document: dict[str, Any]) -> Parameter:
    schema = _resolve(stated.get("schema", {}), document)
    return Parameter(
        name=stated["name"],
        place=stated["in"],
        type=_type(schema, document),
        is_required=bool(stated.get("required")),
        default="" if schema.get("default") is None else str(schema["default"]),
        text=stated.get("description") or schema.get("description") or "",
    )


def _type(schema: dict[str, Any], document: dict[str, Any]) -> str:
    """Return the type of a value in a few words, with its limits."""
    schema = _resolve(schema, document)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " | ".join(_type(one, document) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_type(schema.get('items', {}), document)}]"
    low, high = schema.get("minimum"), schema.get("maximum")
    limits = f" {'' if low is None else low}..{'' if high is None else high}" if (low, high) != (None, None) else ""
    return f"{schema.get('type', 'object')}{limits}"


def _resolve(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference to a part of the document refers to."""
    found: Any = schema
    if reference := schema.get("$ref"):
        found = document
        for part in str(reference).removeprefix("#/").split("/"):
            found = found.get(part, {})
    return found if isinstance(found, dict) else {}
