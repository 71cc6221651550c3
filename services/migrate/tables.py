# mypy: disallow-untyped-calls=False
"""Each service's own migrations, run by yoyo as the service's own role: what it cannot do then, it cannot do at all."""

from pathlib import Path
from urllib.parse import quote

from yoyo import get_backend, read_migrations

SERVICES_FOLDER = Path(__file__).parent.parent


def make_tables(service: str, address: str, password: str) -> int:
    """Apply what is missing to the service's schema; how many migrations that was."""
    migrations = read_migrations(str(SERVICES_FOLDER / service / "migrations"))
    backend = get_backend(f"postgresql+psycopg://{service}:{quote(password, safe='')}@{address}/shop")
    try:
        missing = backend.to_apply(migrations)
        if missing:
            with backend.lock():
                missing = backend.to_apply(migrations)
                backend.apply_migrations(missing)
        return len(missing)
    finally:
        backend.connection.close()
