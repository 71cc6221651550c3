"""What is told around `graceful-degradation`: every number in it comes from the run."""

from labs.lab import Interview, Numbers, Teaching


def explain(n: Numbers) -> str:
    """Why it came out as it did."""
    return f"""\
A page that needs all its parts comes only when all of them answer. If they fail independently, their availabilities
multiply: 0.80 · 0.75 is {n["composed"]:.0f} %, and {n["needed_ok"]:.0f} % came. Each part alone looked tolerable. Ten
parts of 99 % each are 90 %: the more a page shows, the worse it gets, although nobody made a mistake.

The same failures, and the page may do without: {n["optional_ok"]:.0f} % came. What failed is missing
({n["optional_no_stock"]:.0f} % of pages could not say how many are left, {n["optional_no_strip"]:.0f} % of the strips
stayed empty), and the page says so. Nothing was repaired: a factor was taken out of the product.

Frozen is worse than failing, because it takes time as well. Pages that needed recommendations came in
{n["frozen_needed_ok"]:.0f} % of cases, with a p95 of {n["frozen_needed_p95_ms"]:.0f} ms instead of
{n["before_p95_ms"]:.0f} ms: those who come first wait for an attempt or for the whole bound of a call (0.7 to 1.5 s;
the very first second is not counted), then the breaker opens and errors come fast. A breaker makes a failure cheap. It
does not make a page. That takes a decision what to show instead.

With the fallback {n["frozen_optional_ok"]:.0f} % came, at a p95 of {n["frozen_optional_p95_ms"]:.0f} ms. The strip is
asked for by the browser after the page, waits 0.15 s at most, and {n["frozen_optional_no_strip"]:.0f} % of the strips
said that they do not know.

Search, basket and checkout do not need the frozen part, but they share the storefront's threads with pages that did.
Until the breaker opens such pages can hold all threads, and whoever comes then may be refused: {n["beside"]:.0f} % of
search, basket and checkout came in that phase, {n["frozen_needed_ok"]:.0f} % of the product pages. With the fallback
{n["frozen_optional_rest"]:.0f} % came, also of the worst of the three."""


def short_answer(n: Numbers) -> str:
    return (
        "Make everything optional that is not needed for buying: with two parts at 80 and 75 % a page that needs both "
        f"came {n['needed_ok']:.0f} times of 100, and {n['optional_ok']:.0f} times when it could do without; a frozen "
        f"extra cost {100 - n['frozen_needed_ok']:.0f} % of the pages, or only the extra itself."
    )


def long_answer(n: Numbers) -> str:
    return f"""\
I draw the page as a product of what it needs. Availabilities in series multiply, so I ask of each part: would we rather
show no page than a page without it? For most the answer is no. I measured {n["needed_ok"]:.0f} % for two flaky parts
that were needed (the formula says {n["composed"]:.0f} %) and {n["optional_ok"]:.0f} % when they were optional.

Optional takes four things. A bound much shorter than the page's own (0.15 s here), because slow is worse than down: a
frozen part that was needed gave a p95 of {n["frozen_needed_p95_ms"]:.0f} ms and {n["frozen_needed_ok"]:.0f} % of the
pages, an optional one {n["frozen_optional_p95_ms"]:.0f} ms and {n["frozen_optional_ok"]:.0f} %. Something to show
instead that is true: the last known value, or a sentence, never an invented number. A way off the page's path: what is
below the fold is fetched afterwards, behind a skeleton that gives up. And a counter, or nobody notices that a part has
been missing for a week.

What I would not make optional: prices, the answer to an order, whatever is promised. There an honest error is right.
I test it by freezing each part in turn and looking at the pages."""


TEACHING = Teaching(
    explanation=explain,
    artifacts="""\
Parts fail at random here, each for itself: with two hundred pages the share that comes wanders by some four points
around the product. Real parts fail together (one database, one switch), and then the product is too pessimistic.
Retries are off while parts are flaky, or most failures would be hidden by a second try: for a part that freezes they
only add waiting. The load asks for the strip after each page in every phase, also where the page has it already. In
the frozen phase the storefront's breaker opens after five failures in a row: from then on most error pages come at
once, and only its trials wait. The gateway takes nobody out: there is one replica of recommendations.""",
    mitigation="""\
`./shoplab break process_pause recommendations-1 --for 10`, and load a product: the page is there, and the strip says
that it does not know. `./shoplab flag storefront.fallbacks off`, and load it again; then
`./shoplab flag storefront.fallbacks default`.""",
    questionnaire=(
        (
            "Ten parts, each available 99.9 % of the time. What is a page worth that needs all of them?",
            "0.999 to the tenth: 99.0 %, over seven hours a month. If eight of them are optional, 99.8 %.",
        ),
        (
            "A circuit breaker stood before recommendations in every phase. Why did it not save the pages?",
            "It turns a slow failure into a fast one. What the page does with the failure is another question, and "
            "only a fallback answers it.",
        ),
        (
            "The stock cannot be counted. May the page say `in stock`?",
            "No. It says that it cannot count, and the checkout decides: there stock is reserved, so nothing is sold "
            "twice. A fallback must be true.",
        ),
        (
            "Why is the strip fetched after the page, if its answer is bounded at 0.15 s anyway?",
            "Because those 0.15 s would be part of every page for as long as the part is frozen. What is not in the "
            "page's own path cannot delay it.",
        ),
    ),
    further="""\
Now give retries back while parts are flaky: `./shoplab flag storefront.retries 2` is the default. A page that needs a
part which fails one time in four, and tries three times, fails one time in 64. Why does the budget for retries keep it
from being that good, and why is that right?""",
    interview=Interview(
        question="Your product page calls ten services. One of them is down. What does the customer see?",
        short=short_answer,
        long=long_answer,
    ),
    notes="""\
5 min: have the class list the parts of a product page they know, and vote which are needed. 5 min: predict; many take
the worst part (75 %) or the mean (77.5 %) for the product. 5 min: run. 5 min: freeze recommendations by hand and load a
product with the class, fallbacks on and off. 5 min: what is true enough to be shown instead? What goes wrong: on a busy
machine p95 wanders, so below 250 ms it counts as unchanged. So does, in the prediction, a p90 below 100 ms, or below
what it was before.""",
)
