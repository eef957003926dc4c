"""A project of three services, by Debian's docker-compose 1.29: networks, aliases, published ports, a volume."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import Host, wait_serving

pytestmark = pytest.mark.skipif(
    not shutil.which("docker-compose"), reason="needs docker-compose (Debian: docker-compose)"
)

PROJECT = """
version: "3.7"
services:
  web:
    image: busybox
    command: nc -ll -p 80 -e sh -c "read -r line; echo ahoy | nc app 8000"
    ports: ["8090:80"]
    networks: {front: {}, back: {}}
    depends_on: [app]
  app:
    image: busybox
    command: nc -ll -p 8000 -e sh -c "read -r line; cat /data/word"
    networks: {back: {aliases: [backend]}}
    volumes: ["words:/data"]
    depends_on: [db]
  db:
    image: busybox
    command: sh -c 'echo from the volume > /data/word && sleep 600'
    networks:
      back: {ipv4_address: 10.99.0.77}
    volumes: ["words:/data"]
networks:
  front: {}
  back:
    ipam: {config: [{subnet: 10.99.0.0/24}]}
volumes: {words: {}}
"""


class Project:
    def __init__(self, engine: RunningEngine, folder: Path) -> None:
        self._command = ["docker-compose", "-H", engine.host, "-p", "shop", "--project-directory", str(folder)]
        self._command += ["-f", str(folder / "docker-compose.yml")]

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def project(engine: RunningEngine, tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "docker-compose.yml").write_text(PROJECT)
    project = Project(engine, tmp_path)
    yield project
    project("down", "-v", "-t", "0")


def test_three_services(engine: RunningEngine, project: Project) -> None:
    project("up", "-d")
    here = Host(engine.namespace)
    wait_serving(here, "127.0.0.1", 8090)
    assert here.tcp("127.0.0.1", 8090) == "from the volume"
    networks = json.loads(engine.docker("inspect", "shop_web_1", "-f", "{{json .NetworkSettings.Networks}}").stdout)
    assert set(networks) == {"shop_front", "shop_back"}
    resolved = engine.docker("exec", "shop_web_1", "busybox", "nslookup", "-type=a", "backend").stdout
    app = json.loads(engine.docker("inspect", "shop_app_1", "-f", "{{json .NetworkSettings.Networks}}").stdout)
    assert app["shop_back"]["IPAddress"] in resolved
    on = json.loads(engine.docker("network", "inspect", "shop_back").stdout)[0]["Containers"].values()
    assert sorted(c["Name"] for c in on) == ["shop_app_1", "shop_db_1", "shop_web_1"]
    assert "10.99.0.77/24" in [c["IPv4Address"] for c in on]
    assert "8090->80/tcp" in project("ps")
    project("up", "-d", "--scale", "app=2")
    both = engine.docker("exec", "shop_web_1", "busybox", "nslookup", "-type=a", "app").stdout
    assert both.count("Address: 10.99.0.") == 2
    project("stop", "-t", "0")
    project("start")
    wait_serving(here, "127.0.0.1", 8090)
    project("down", "-v", "-t", "0")
    assert "shop" not in engine.docker("network", "ls").stdout
    assert "shop" not in engine.docker("ps", "-a").stdout
