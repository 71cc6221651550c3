"""The commands of `./shoplab`, grouped as a learner meets them."""
