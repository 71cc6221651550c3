"""Who visits the lab about sessions."""

from labs.load_balancing.visitors import crowd


def test_half_of_the_crowd_is_in_one_office_and_the_others_are_spread_over_forty_networks() -> None:
    networks = [visitor.client.rsplit(".", 1)[0] for visitor in crowd(240)]
    assert networks.count("10.88.1") == 120
    assert len(set(networks)) == 41


def test_no_two_visitors_share_a_cart_and_no_run_meets_the_carts_of_another() -> None:
    carts = {visitor.cart for visitor in (*crowd(50), *crowd(50))}
    assert len(carts) == 100
