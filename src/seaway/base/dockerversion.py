"""The dockerd that the engine speaks for. Clients decide by it what they may ask."""

DOCKER_VERSION = "28.5.2"
