"""The storefront's run-time switches: its pages, those who ask for them, and those it asks itself."""

from services.common.protection import peer_flags
from services.common.shedding import shedding_flag
from services.storefront.switches import FLAGS as PAGES

FLAGS = (*PAGES, shedding_flag("storefront"), *peer_flags("storefront"))
