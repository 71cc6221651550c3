"""The figures in the products' pictures, one per category: SVG shapes on a field of 320 by 320, standing on y = 262."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """The colours of one picture, and a number below 256 for what may vary otherwise."""

    back: str
    main: str
    deep: str
    pale: str
    vary: int


def _steam(x: int, y: int) -> str:
    wisp = "q-9-12 0-24t0-24"
    return (
        f'<path d="M{x - 20} {y}{wisp}M{x} {y - 5}{wisp}M{x + 20} {y}{wisp}" '
        'fill="none" stroke="#fff" stroke-width="5" stroke-linecap="round"/>'
    )


def _leaf(x: int, y: int, colour: str, turn: int = 0, size: float = 1) -> str:
    return (
        f'<g transform="translate({x} {y}) rotate({turn}) scale({size})">'
        f'<path d="M0 26c-22-14-22-38 0-56c22 18 22 42 0 56z" fill="{colour}"/>'
        '<path d="M0 22v-42" stroke="#fff" stroke-width="2" opacity=".6"/></g>'
    )


def _tea(look: Look) -> str:
    """A tin with a label and a leaf or two."""
    second = _leaf(176, 196, look.main, 40, 0.8) + _leaf(144, 196, look.main, -40, 0.8) if look.vary % 2 else ""
    return (
        f'<rect x="102" y="92" width="116" height="170" rx="10" fill="{look.main}"/>'
        f'<rect x="102" y="92" width="22" height="170" rx="10" fill="#fff" opacity=".18"/>'
        f'<rect x="96" y="66" width="128" height="36" rx="9" fill="{look.deep}"/>'
        f'<rect x="144" y="54" width="32" height="14" rx="6" fill="{look.deep}"/>'
        f'<rect x="102" y="136" width="116" height="92" fill="{look.pale}"/>'
        f"{second}{_leaf(160, 184, look.deep)}"
    )


def _coffee(look: Look) -> str:
    """A folded bag with a bean on it, some beans beside it."""
    bean = '<ellipse rx="19" ry="26"/><path d="M2-25q-12 25-3 50" stroke="{}" stroke-width="4" fill="none"/>'
    loose = "".join(
        f'<g transform="translate({x} 252) rotate({turn}) scale(.5)" fill="#5b3a29">{bean.format("#c9a48b")}</g>'
        for x, turn in ((78, 70), (246, 110), (226, 60))[: 1 + look.vary % 3]
    )
    return (
        f'<path d="M104 92h112l8 170H96z" fill="{look.main}"/>'
        f'<path d="M104 92h20l-6 170H96z" fill="#fff" opacity=".16"/>'
        f'<path d="M104 92l8-30h96l8 30z" fill="{look.deep}"/>'
        f'<rect x="98" y="84" width="124" height="12" rx="6" fill="{look.pale}"/>'
        f'<circle cx="160" cy="178" r="46" fill="{look.pale}"/>'
        f'<g transform="translate(160 178) rotate(24)" fill="#5b3a29">{bean.format(look.pale)}</g>{loose}'
    )


def _cup(look: Look) -> str:
    """A mug with a handle, a pattern and steam."""
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="8"/>' for x in (116, 144, 172) for y in (182, 214))
    pattern = (
        f'<g fill="{look.pale}">{dots}</g>',
        f'<path d="M95 176h104v14H95zM99 204h96v14h-96z" fill="{look.pale}"/>',
        f'<path d="M95 192q13-18 26 0t26 0t26 0t26 0" fill="none" stroke="{look.pale}" stroke-width="9"/>',
        _leaf(147, 200, look.pale),
    )[look.vary % 4]
    return (
        f'<path d="M196 168h22a30 30 0 0 1 0 60h-26" fill="none" stroke="{look.deep}" stroke-width="15"/>'
        f'<path d="M90 140h114l-8 98q-3 24-26 24h-46q-23 0-26-24z" fill="{look.main}"/>{pattern}'
        f'<ellipse cx="147" cy="140" rx="57" ry="13" fill="{look.deep}"/>'
        f'<ellipse cx="147" cy="141" rx="47" ry="8" fill="#6b4226"/>{_steam(147, 118)}'
    )


def _pot(look: Look) -> str:
    """A round teapot with spout, lid and handle."""
    band = f'<path d="M88 206q72 26 144 0v14q-72 26-144 0z" fill="{look.pale}"/>' if look.vary % 2 else ""
    return (
        f'<path d="M226 160q44-4 40 30t-52 40" fill="none" stroke="{look.deep}" stroke-width="14"/>'
        f'<path d="M98 214Q60 208 54 150l-12-12 36-2q2 40 30 46z" fill="{look.deep}"/>'
        f'<path d="M160 128c56 0 80 36 80 72 0 40-26 62-56 62h-48c-30 0-56-22-56-62 0-36 24-72 80-72z" '
        f'fill="{look.main}"/>{band}'
        '<path d="M104 176q10-24 34-30" stroke="#fff" stroke-width="8" stroke-linecap="round" fill="none" '
        'opacity=".5"/>'
        f'<path d="M114 138q6-30 46-30t46 30q-46 14-92 0z" fill="{look.deep}"/>'
        f'<circle cx="160" cy="100" r="12" fill="{look.main}"/>'
    )


def _book(look: Look) -> str:
    """A standing book, its pages showing, with a sign on the cover."""
    sign = (
        _leaf(166, 200, look.pale),
        f'<circle cx="166" cy="200" r="24" fill="{look.pale}"/>',
        f'<path d="M142 216l24-42 24 42z" fill="{look.pale}"/>',
    )[look.vary % 3]
    return (
        f'<rect x="98" y="70" width="136" height="192" rx="6" fill="{look.deep}"/>'
        '<rect x="104" y="76" width="126" height="180" rx="3" fill="#fffdf5"/>'
        f'<rect x="90" y="66" width="132" height="192" rx="6" fill="{look.main}"/>'
        f'<rect x="90" y="66" width="20" height="192" rx="6" fill="{look.deep}"/>'
        f'<path d="M130 104h72M130 124h48" stroke="{look.pale}" stroke-width="9" stroke-linecap="round"/>{sign}'
    )


def _chocolate(look: Look) -> str:
    """A bar half out of its wrapper."""
    squares = "".join(
        f'<rect x="{x}" y="{y}" width="32" height="32" rx="4"/>' for y in (70, 108) for x in (106, 144, 182)
    )
    stripe = f'<path d="M92 216h136v16H92z" fill="{look.deep}"/>' if look.vary % 2 else ""
    return (
        '<g transform="rotate(-7 160 160)"><rect x="98" y="62" width="124" height="150" rx="8" fill="#5a3422"/>'
        f'<g fill="#754a33">{squares}</g>'
        '<path d="M92 158l17-13 17 13 17-13 17 13 17-13 17 13 17-13 17 13v30H92z" fill="#e8e4da"/>'
        f'<rect x="92" y="164" width="136" height="98" rx="5" fill="{look.main}"/>{stripe}'
        f'<rect x="112" y="184" width="96" height="24" rx="12" fill="{look.pale}"/></g>'
    )


def _honey(look: Look) -> str:
    """A jar of honey with a cloth lid and a comb on the label."""
    cell = "l14 8v16l-14 8-14-8v-16z"
    comb = f"M160 166{cell}" + (f"M146 190{cell}M174 190{cell}" if look.vary % 2 else f"M132 166{cell}M188 166{cell}")
    return (
        '<rect x="98" y="104" width="124" height="158" rx="24" fill="#f2b134"/>'
        '<rect x="108" y="116" width="14" height="130" rx="7" fill="#fff" opacity=".4"/>'
        f'<path d="M92 112q-4-44 68-46q72 2 68 46l-17-7-17 9-17-9-17 9-17-9-17 9-17-9z" fill="{look.main}"/>'
        f'<rect x="102" y="98" width="116" height="8" rx="4" fill="{look.deep}"/>'
        f'<rect x="116" y="152" width="88" height="84" rx="10" fill="#fffaf0"/>'
        f'<path d="{comb}" fill="#f2b134" stroke="{look.deep}" stroke-width="3"/>'
    )


def _biscuit(look: Look) -> str:
    """A pile of biscuits on a plate."""
    pile = "".join(
        f'<rect x="{92 + (i * 7 + look.vary) % 13}" y="{216 - 26 * i}" width="124" height="24" rx="12" '
        f'fill="{("#d9a25f", "#c98d4b")[i % 2]}"/>'
        for i in range(3 + look.vary % 2)
    )
    chips = "".join(
        f'<circle cx="{x}" cy="{y}" r="5"/>' for x, y in ((122, 118), (150, 98), (178, 116), (160, 128), (196, 106))
    )
    top = 138 - 26 * (look.vary % 2)
    return (
        f'{pile}<g transform="translate(0 {top - 108})"><ellipse cx="160" cy="112" rx="66" ry="32" fill="#e3b173"/>'
        f'<g fill="#7a4a2b">{chips}</g></g>'
        f'<path d="M62 240h196q-8 22-40 22H102q-32 0-40-22z" fill="{look.main}"/>'
        f'<rect x="56" y="236" width="208" height="10" rx="5" fill="{look.deep}"/>'
    )


def _flame(x: int, y: int) -> str:
    """A wick that ends at (x, y), lit."""
    return (
        f'<path d="M{x} {y}v-12" stroke="#4a3b32" stroke-width="4"/><g transform="translate({x} {y - 8})">'
        '<path d="M0 0c-16-14-8-30 0-44c8 14 16 30 0 44z" fill="#f6a623"/>'
        '<path d="M0-2c-7-8-4-15 0-22c4 7 7 14 0 22z" fill="#fff3c4"/></g>'
    )


def _candle(look: Look) -> str:
    """One burning candle in a glass, or two tall ones."""
    if look.vary % 3 == 0:
        return _stick(look, 126, 116) + _stick(look, 196, 144)
    return (
        f'<rect x="100" y="136" width="120" height="126" rx="16" fill="{look.main}"/>'
        f'<ellipse cx="160" cy="140" rx="60" ry="12" fill="{look.pale}"/>{_flame(160, 142)}'
        f'<rect x="122" y="176" width="76" height="56" rx="6" fill="{look.pale}"/>'
        f'<path d="M138 196h44M146 212h28" stroke="{look.deep}" stroke-width="6" stroke-linecap="round"/>'
    )


def _stick(look: Look, x: int, y: int) -> str:
    return (
        f'<rect x="{x - 15}" y="{y}" width="30" height="{262 - y}" rx="5" fill="{look.main}"/>'
        f'<rect x="{x - 26}" y="244" width="52" height="18" rx="8" fill="{look.deep}"/>{_flame(x, y)}'
    )


def _spice(look: Look) -> str:
    """A small glass filled with something colourful, under a cork."""
    grains = "".join(
        f'<circle cx="{112 + (i * 37 + look.vary) % 96}" cy="{176 + (i * 53 + look.vary) % 72}" r="{4 + i % 3}"/>'
        for i in range(16)
    )
    return (
        '<rect x="116" y="70" width="88" height="36" rx="7" fill="#c89b6c"/>'
        '<path d="M124 80h72" stroke="#a97c50" stroke-width="4"/>'
        '<rect x="96" y="100" width="128" height="162" rx="22" fill="#fff" opacity=".75"/>'
        f'<path d="M104 168q56-18 112 0v70q0 16-16 16h-80q-16 0-16-16z" fill="{look.main}"/>'
        f'<g fill="{look.deep}">{grains}</g>'
        f'<rect x="106" y="118" width="108" height="30" rx="6" fill="{look.pale}"/>'
        f'<path d="M126 133h68" stroke="{look.deep}" stroke-width="7" stroke-linecap="round"/>'
    )


def parcel(look: Look) -> str:
    """What has no figure of its own comes in a parcel."""
    return (
        f'<rect x="86" y="122" width="148" height="140" rx="6" fill="{look.main}"/>'
        f'<path d="M78 98h164v34H78zM146 98h28v164h-28z" fill="{look.deep}"/>'
        f'<path d="M160 98q-46-44-54-14t54 14q46-44 54-14t-54 14z" fill="{look.pale}"/>'
    )


FIGURES: dict[str, Callable[[Look], str]] = {
    "tea": _tea,
    "coffee": _coffee,
    "cups": _cup,
    "pots": _pot,
    "books": _book,
    "chocolate": _chocolate,
    "honey": _honey,
    "biscuits": _biscuit,
    "candles": _candle,
    "spices": _spice,
}
