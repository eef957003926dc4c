from vm.kinds import ORDINARY, SELINUX
from vm.machine import KERNEL_OPTIONS, kernel_options


def test_what_is_asked_for_changes_no_ordinary_machine() -> None:
    assert kernel_options(ORDINARY) == KERNEL_OPTIONS
    assert "selinux" not in KERNEL_OPTIONS
    assert kernel_options(SELINUX) == f"{KERNEL_OPTIONS} security=selinux selinux=1"
    assert (ORDINARY.packages, ORDINARY.system) == ((), None)
