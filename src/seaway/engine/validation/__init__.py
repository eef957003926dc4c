"""What `create` and `update` refuse, warn of and discard, in dockerd 28's words and order (inventory A4)."""

from seaway.engine.validation.create import Abilities, Checked, validate_create
from seaway.engine.validation.resources import check_resources

__all__ = ["Abilities", "Checked", "check_resources", "validate_create"]
