"""What those who run the shop may switch on its pages while it runs: extras, lite pages, a line for everybody."""

from collections.abc import Callable
from dataclasses import dataclass

from services.common.flags import Flag, Flags

FLAGS = (
    Flag(
        name="storefront.extras",
        default=True,
        help="whether pages ask for what others like: the kill switch of everything that nobody needs for buying",
    ),
    Flag(
        name="storefront.lite",
        default=False,
        help="lite pages: no extras, no pictures, no counting of stock and basket, no search while typing",
    ),
    Flag(
        name="storefront.fallbacks",
        default=True,
        help="whether a product's page does without stock and recommendations that fail or are late; off: it brings "
        "both along, waits for them, and fails with them",
    ),
    Flag(name="storefront.banner", default="", help="a line that stands on every page, nothing for none"),
)


@dataclass(frozen=True)
class Switches:
    """How pages are at the moment."""

    extras: bool = True
    lite: bool = False
    banner: str = ""
    fallbacks: bool = True


def following(flags: Flags) -> Callable[[], Switches]:
    """The switches as the flags say now. Lite pages have no extras either."""

    def now() -> Switches:
        lite = bool(flags["storefront.lite"])
        extras, fallbacks = bool(flags["storefront.extras"]) and not lite, bool(flags["storefront.fallbacks"])
        return Switches(extras, lite, str(flags["storefront.banner"]), fallbacks)

    return now
