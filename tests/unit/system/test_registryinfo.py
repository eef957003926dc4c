from seaway.config.engine import EngineConfig
from seaway.system.registryinfo import registry_config


def test_registries() -> None:
    config = EngineConfig(insecure_registries=("10.0.0.0/8", "http://reg:5000"), registry_mirrors=("https://m",))
    wire = registry_config(config, (1, 51))
    assert wire["InsecureRegistryCIDRs"] == ["10.0.0.0/8", "127.0.0.0/8", "::1/128"]
    assert wire["IndexConfigs"]["reg:5000"]["Secure"] is False
    assert wire["Mirrors"] == ["https://m/"]
