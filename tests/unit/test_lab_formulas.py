from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs import formulas


def test_round_robin_gives_everyone_the_same() -> None:
    assert formulas.round_robin_share(4) == 0.25


def test_least_connections_gives_the_fair_share_without_a_delay_and_less_with_one() -> None:
    assert formulas.least_conn_share(60, 0.0, 4) == 0.25
    assert formulas.least_conn_share(60, 0.3, 4) == pytest.approx(1 / 22)


def test_ip_hash_looks_at_three_octets_only() -> None:
    assert len({formulas.ip_hash_replica(f"127.0.0.{host}", 4) for host in range(1, 31)}) == 1
    assert len({formulas.ip_hash_replica(f"127.0.{octet}.1", 4) for octet in range(1, 31)}) == 4


@given(st.lists(st.ip_addresses(v=4).map(str), min_size=1), st.integers(1, 9))
def test_ip_hash_shares_sum_to_one(addresses: list[str], replicas: int) -> None:
    assert sum(formulas.ip_hash_shares(addresses, replicas)) == pytest.approx(1)


def test_what_needs_all_its_parts_is_available_as_often_as_all_of_them_together() -> None:
    assert formulas.availability_of_all(0.8, 0.75) == pytest.approx(0.6)
    assert formulas.availability_of_all(*[0.99] * 10) == pytest.approx(0.904, abs=0.001)
    assert formulas.availability_of_all(1, 0, 1) == 0


@pytest.mark.parametrize(("percentile", "expected"), [(0.5, 2.0), (0.9, 302.0), (0.99, 302.0)])
def test_a_quarter_of_slow_answers_spares_the_median_and_owns_the_tail(percentile: float, expected: float) -> None:
    assert formulas.percentile_of_two(0.25, 2.0, 302.0, percentile) == expected


def test_all_waiting_is_everyones_normal_time_and_the_delay_of_those_it_hits() -> None:
    assert formulas.total_wait(400, 0.002, 0.25, 0.3) == pytest.approx(0.8 + 30)


def test_a_backlog_grows_by_the_difference_and_drains_by_the_difference() -> None:
    assert formulas.backlog(8, 4, 10) == 40
    assert formulas.backlog(8, 16, 5, before=40) == 0 == formulas.backlog(8, 16, 60, before=40)
    assert formulas.drain_s(40, 16, 8) == 5
    assert formulas.queue_delay_s(40, 4) == 10


def test_a_capacity_that_is_just_enough_never_drains_a_backlog() -> None:
    assert formulas.drain_s(1, 8, 8) == float("inf")


def test_poison_makes_everybody_wait_for_one_round_of_it() -> None:
    assert formulas.wait_behind_poison(60, 0.005, 12, 0.025) == pytest.approx(0.3 / 0.7)
    assert formulas.wait_behind_poison(1, 0.005, 50, 0.025) == float("inf")


def test_in_a_line_that_is_served_too_slowly_only_the_first_do_not_leave_too_early() -> None:
    assert formulas.served_before_timeout(4, 0.5, 1.5) == 5
    assert formulas.served_before_timeout(4, 0.25, 1.5) == float("inf")


def test_a_crash_repeats_what_was_done_and_not_acknowledged() -> None:
    assert formulas.done_again(5) == 5
    assert formulas.done_again(5, at_once=10) == 50


def test_littles_law_and_utilisation() -> None:
    assert formulas.in_flight(15, 0.3) == pytest.approx(4.5)
    assert formulas.utilisation(15, 0.3, 8) == pytest.approx(0.5625)


@pytest.mark.parametrize("replicas", [2, 3, 7])
def test_a_session_in_memory_is_found_by_chance_and_not_at_all_on_the_replica_that_restarted(replicas: int) -> None:
    ways = [(kept, asked) for kept in range(replicas) for asked in range(replicas)]
    assert formulas.other_replica(replicas) == pytest.approx(sum(kept != asked for kept, asked in ways) / len(ways))
    wrong = sum(kept != asked or kept == 0 for kept, asked in ways)
    assert formulas.other_or_gone(replicas) == pytest.approx(wrong / len(ways))


def test_servers_answer_at_most_their_number_by_the_time_each_is_busy() -> None:
    assert formulas.throughput_limit(16, 0.4) == pytest.approx(40)
    assert formulas.utilisation(formulas.throughput_limit(16, 0.4), 0.4, 16) == pytest.approx(1)


def test_a_node_left_alone_is_waited_for_only_by_those_who_come_while_it_is_tried() -> None:
    assert formulas.probing_share(0.3, 0.2, 0.0) == pytest.approx(0.3)
    assert formulas.probing_share(0.3, 0.2, 2.8) == pytest.approx(0.02)


@pytest.mark.parametrize(("total_s", "attempts"), [(0.5, 1), (1.5, 2), (2.9, 4)])
def test_a_call_is_tried_as_often_as_the_timeout_fits_into_its_bound(total_s: float, attempts: int) -> None:
    assert formulas.attempts_in(total_s, 0.7) == attempts


def test_each_replica_makes_one_trial_at_a_time_and_rests_between_them() -> None:
    assert formulas.trials_per_s(2, timeout_s=2.0, rest_s=0.5) == pytest.approx(0.8)
    assert formulas.trials_per_s(1, timeout_s=0.0, rest_s=0.5) == pytest.approx(2)


@pytest.mark.parametrize("nodes", [2, 3, 10])
def test_modulo_moves_what_counting_all_remainders_says_whichever_node_is_lost(nodes: int) -> None:
    hashes = range(nodes * (nodes - 1))
    for lost in range(nodes):
        left = [node for node in range(nodes) if node != lost]
        moved = sum(left[number % (nodes - 1)] != number % nodes for number in hashes)
        assert formulas.reloaded_by_modulo(nodes) == pytest.approx(moved / len(hashes))


def test_rendezvous_moves_one_in_n() -> None:
    assert formulas.reloaded_by_rendezvous(10) == 0.1


def test_a_lost_node_concerns_what_has_a_copy_there() -> None:
    assert formulas.kept_on_a_node(2, 4) == 0.5
    assert formulas.kept_on_a_node(3, 3) == 1


@pytest.mark.parametrize(("percentile", "needed"), [(0.95, 72), (0.99, 368)])
def test_a_percentiles_interval_needs_enough_samples(percentile: float, needed: int) -> None:
    assert formulas.percentile_interval(range(needed - 1), percentile) is None
    assert formulas.percentile_interval(range(needed), percentile) is not None


def test_the_interval_of_a_median_surrounds_it() -> None:
    assert formulas.percentile_interval(range(1, 101), 0.5) == (40, 61)


def test_popularity_sums_to_one_and_the_first_is_wanted_most() -> None:
    shares = formulas.popularity(200)
    assert sum(shares) == pytest.approx(1) and shares == sorted(shares, reverse=True)


def test_the_database_gets_what_the_cache_does_not_answer() -> None:
    assert formulas.database_load(50, 0.8) == pytest.approx(10)


def test_an_empty_cache_hits_nothing_at_first_and_everything_in_the_end() -> None:
    shares = formulas.popularity(200)
    assert formulas.cold_hit_ratio(50, shares, 0) == 0
    assert formulas.cold_hit_ratio(50, shares, 1e6) == pytest.approx(1)


def test_as_many_loads_as_misses_while_a_cold_cache_fills() -> None:
    shares, step_s = formulas.popularity(200), 0.01
    misses = sum(50 * step_s * (1 - formulas.cold_hit_ratio(50, shares, (n + 0.5) * step_s)) for n in range(500))
    assert formulas.cold_loads(50, shares, 5.0) == pytest.approx(misses, rel=0.001)


def test_one_thing_that_lives_as_long_as_one_wish_takes_is_hit_half_the_time() -> None:
    assert formulas.ttl_hit_ratio(10, [1.0], 0.1) == pytest.approx(0.5)


def test_a_simulated_cache_has_the_hit_ratio_of_the_formula() -> None:
    dice, expires, hits, now = Random(1), 0.0, 0, 0.0
    for _ in range(20_000):
        now += dice.expovariate(5)
        hits, expires = (hits + 1, expires) if now < expires else (hits, now + 2.0)
    assert hits / 20_000 == pytest.approx(formulas.ttl_hit_ratio(5, [1.0], 2.0), abs=0.01)


def test_all_who_come_while_the_first_one_loads_load_too() -> None:
    assert formulas.stampede(60, 0.25) == 16
    assert formulas.stampede(60, 0.0) == 1


def test_who_finds_no_connection_waits_for_a_load_and_then_loads() -> None:
    assert formulas.second_wave_s(60, 0.25, 8) == pytest.approx(0.5 - 8 / 60)
    assert formulas.second_wave_s(10, 0.25, 8) == 0.25


def test_who_looks_within_the_lag_looks_too_early() -> None:
    looks = [(number + 0.5) / 100 * 3.0 for number in range(100)]
    assert formulas.stale_share(1.5, 3.0) == pytest.approx(sum(look < 1.5 for look in looks) / 100)
    assert formulas.stale_share(5.0, 3.0) == 1.0


def test_who_refuses_is_found_sooner_than_who_is_silent() -> None:
    assert formulas.detection_s(0.25, looks=2) == pytest.approx(0.375)
    assert formulas.detection_s(0.25, looks=2, answer_s=0.5) == pytest.approx(0.125 + 0.5 + 2 * 0.5)


def test_each_commit_waits_for_the_replica_in_turn() -> None:
    assert formulas.commit_wait_s(5, 0.04) == pytest.approx(0.2)


def test_who_never_stops_gets_the_burst_at_once_and_then_the_rate() -> None:
    assert formulas.leaky_bucket(burst=5, rate=2, seconds=0) == 6
    assert formulas.leaky_bucket(burst=5, rate=2, seconds=10) == 26


def test_in_line_one_waits_for_all_before_to_be_let_in_less_the_time_one_came_later() -> None:
    assert formulas.wait_in_line_s(60, arrivals=30, admitted=8) == pytest.approx(59 / 8 - 59 / 30)
    assert formulas.wait_in_line_s(1, 30, 8) == 0
    assert formulas.wait_in_line_s(60, arrivals=5, admitted=8) == 0


def test_served_at_random_so_many_pieces_go_past_those_who_came_first() -> None:
    random, jumped, runs = Random(1), 0, 300
    for _ in range(runs):
        waiting, served = list[int](), list[int]()
        for second in range(60):  # two come, one is served
            waiting += [2 * second, 2 * second + 1]
            served.append(waiting.pop(random.randrange(len(waiting))))
        jumped += sum(number >= 60 for number in served)
    assert formulas.jumped_at_random(60, arrivals=2, capacity=1) == pytest.approx(15)
    assert jumped / runs == pytest.approx(15, rel=0.1)
