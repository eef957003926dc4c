from seaway.system.version import Component, EngineVersion, parse_component, version_to_wire


def test_programs_print_their_versions() -> None:
    assert parse_component(
        "crun", "crun version 1.8.1\ncommit: f8a096be060b22ccd3d5f3ebe44108517fbf6c30\n"
    ) == Component("crun", "1.8.1", "f8a096be060b22ccd3d5f3ebe44108517fbf6c30")
    assert parse_component("runc", "runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\n") == Component(
        "runc", "1.1.5+ds1", "1.1.5+ds1-1+deb12u1"
    )
    assert parse_component("docker-init", "tini version 0.19.0\n") == Component("docker-init", "0.19.0")
    assert parse_component("x", "") == Component("x", "")


def test_clients_read_dockers_version_and_our_name() -> None:
    wire = version_to_wire(
        EngineVersion("0.1.0", "2026-01-01T00:00:00Z", "6.1", "amd64", (Component("crun", "1.8.1", "f8"),))
    )
    assert (wire["Version"], wire["ApiVersion"], wire["MinAPIVersion"]) == ("28.5.2", "1.51", "1.24")
    assert wire["Platform"] == {"Name": "Seaway 0.1.0"}
    components = wire["Components"]
    assert isinstance(components, list)
    assert [c["Name"] for c in components] == ["Engine", "Seaway", "crun"]
    assert list(components[0]["Details"]) == sorted(components[0]["Details"])
    assert components[2]["Details"] == {"GitCommit": "f8"}
    assert list(wire)[:5] == ["Platform", "Components", "Version", "ApiVersion", "MinAPIVersion"]
