"""What systemd is told of a container's scope, by annotations that crun reads."""

from seaway.runtime.scopes import INFINITY, SUBGROUP, in_the_scope_itself, scope_properties

MIB = 1 << 20


def test_a_container_is_in_its_scope_itself() -> None:
    assert in_the_scope_itself({"root": {}}) == {"root": {}, "annotations": {SUBGROUP: ""}}
    assert in_the_scope_itself({"annotations": {"a": "b"}})["annotations"] == {"a": "b", SUBGROUP: ""}


def test_who_wants_a_group_below_it_has_one() -> None:
    assert in_the_scope_itself({"annotations": {SUBGROUP: "x"}})["annotations"] == {SUBGROUP: "x"}


def test_systemd_is_told_of_the_limits() -> None:
    spec = {"linux": {"resources": {"memory": {"limit": 64 * MIB}}}}
    wanted = {SUBGROUP: "", "org.systemd.property.MemoryMax": "uint64 67108864"}
    assert in_the_scope_itself(spec)["annotations"] == wanted
    mine = {"org.systemd.property.MemoryMax": "uint64 1"}
    assert in_the_scope_itself({**spec, "annotations": mine})["annotations"] == {SUBGROUP: "", **mine}


def test_the_limits_by_systemds_names() -> None:
    assert scope_properties(
        {
            "memory": {"limit": 64 * MIB, "swap": 96 * MIB, "reservation": 32 * MIB, "swappiness": 0},
            "cpu": {"shares": 512, "quota": 50_000, "period": 100_000, "cpus": "1"},
            "pids": {"limit": 30},
            "blockIO": {"weight": 300},
        }
    ) == {
        "MemoryMax": 64 * MIB,
        "MemoryLow": 32 * MIB,
        "MemorySwapMax": 32 * MIB,
        "CPUWeight": 20,
        "CPUQuotaPerSecUSec": 500_000,
        "CPUQuotaPeriodUSec": 100_000,
        "TasksMax": 30,
        "IOWeight": 2930,
    }


def test_no_limit_is_a_limit_that_is_told() -> None:
    resources = {"memory": {"limit": MIB, "swap": -1}, "cpu": {"quota": -1}, "pids": {"limit": -1}}
    unlimited = dict.fromkeys(("MemorySwapMax", "CPUQuotaPerSecUSec", "TasksMax"), INFINITY)
    assert scope_properties(resources) == {"MemoryMax": MIB, **unlimited}
    assert scope_properties({"cpu": {"shares": 0}, "blockIO": {"weight": 0}}) == {}
