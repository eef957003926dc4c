from seaway.networks.dns.zone import Record, View, Zone

WEB = Record("n1", "shop", ("172.18.0.2",), ("web", "Front", "0123456789ab"))
WEB2 = Record("n1", "shop", ("172.18.0.3",), ("web2", "front"))
DB = Record("n2", "deep", ("172.19.0.2", "fd00::2"), ("db", "front"))
BOTH = View(("n1", "n2"))


def zone() -> Zone:
    made = Zone()
    made.replace({"e1": WEB, "e2": WEB2, "e3": DB})
    return made


def test_names_are_those_of_the_views_networks_in_their_order() -> None:
    assert zone().addresses(BOTH, "web.") == ["172.18.0.2"]
    assert zone().addresses(BOTH, "0123456789AB") == ["172.18.0.2"]
    assert zone().addresses(BOTH, "front") == ["172.18.0.2", "172.18.0.3"]
    assert zone().addresses(View(("n2", "n1")), "front") == ["172.19.0.2", "fd00::2"]
    assert zone().addresses(View(("n2",)), "web") is None


def test_a_name_may_say_its_network() -> None:
    assert zone().addresses(BOTH, "front.deep") == ["172.19.0.2", "fd00::2"]
    assert zone().addresses(BOTH, "web.example.org") is None
    assert zone().addresses(View(("n1",)), "db.deep") is None


def test_a_containers_own_names_for_others() -> None:
    view = View(("n2",), (("store", "db"),))
    assert zone().addresses(view, "STORE") == ["172.19.0.2", "fd00::2"]


def test_an_address_is_called_by_its_first_name_and_network() -> None:
    assert zone().name_of(BOTH, "172.18.0.2") == "web.shop"
    assert zone().name_of(BOTH, "fd00::2") == "db.deep"
    assert zone().name_of(View(("n2",)), "172.18.0.2") is None


def test_who_leaves_is_forgotten_and_every_change_counts() -> None:
    made = zone()
    before = made.generation
    made.leave("e1")
    assert made.addresses(BOTH, "web") is None
    assert made.addresses(BOTH, "front") == ["172.18.0.3"]
    assert made.name_of(BOTH, "172.18.0.2") is None
    made.leave("e1")
    made.replace({})
    assert made.addresses(BOTH, "db") is None
    assert made.generation > before
