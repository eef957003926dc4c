import pytest

from seaway.base.errors import SystemFailure
from seaway.networks.validate import check_scope


@pytest.mark.parametrize(("scope", "in_cluster"), [("", False), ("local", False), ("", True), ("global", True)])
def test_a_scope_of_the_engine_or_of_its_cluster(scope: str, in_cluster: bool) -> None:
    check_scope(scope, in_cluster=in_cluster)


@pytest.mark.parametrize(
    ("scope", "in_cluster"), [("global", False), ("Local", False), ("nonsense", False), ("nonsense", True)]
)
def test_any_other_scope_would_be_a_swarms(scope: str, in_cluster: bool) -> None:
    with pytest.raises(SystemFailure, match="This node is not a swarm manager"):
        check_scope(scope, in_cluster=in_cluster)
