"""Pictures of the products: small flat drawings, made from the sku alone, so that every machine shows the same shop.

A figure per category, in the colours and with the small variations that the sku's digest picks.
"""

from hashlib import sha256
from html import escape

from services.catalog.figures import FIGURES, Look, parcel

HUES = (8, 24, 38, 52, 88, 140, 168, 192, 212, 236, 262, 320, 344)


def draw(sku: str, category: str, name: str) -> str:
    """The picture as an SVG document of less than 3 kB, 320 by 320, titled with the product's name."""
    look = _look(sku)
    figure = FIGURES.get(category, parcel)(look)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 320" role="img" aria-labelledby="t">'
        f'<title id="t">{escape(name)}</title>'
        f'<rect width="320" height="320" fill="{look.back}"/>'
        f'<circle cx="160" cy="152" r="122" fill="#fff" opacity=".45"/>'
        f'<ellipse cx="160" cy="262" rx="98" ry="11" opacity=".13"/>'
        f"{figure}</svg>"
    )


def _look(sku: str) -> Look:
    digest = sha256(sku.encode()).digest()
    hue = HUES[digest[0] % len(HUES)]
    behind = (hue + (30, 160, 200, 330)[digest[1] % 4]) % 360
    return Look(
        back=f"hsl({behind} 48% 88%)",
        main=f"hsl({hue} 46% 54%)",
        deep=f"hsl({hue} 44% 36%)",
        pale=f"hsl({hue} 60% 92%)",
        vary=digest[2],
    )
