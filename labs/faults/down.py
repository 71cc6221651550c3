"""The link is cut: connections end, new ones are refused at once. The other side is well and knows nothing of it."""

from labs.faults.network import cut

FAULT = cut(
    "down",
    sees="connections end, new ones are refused at once",
    teaches="failing fast against hanging; whoever has another way takes it",
)
