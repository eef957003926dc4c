FROM busybox
VOLUME /iv /v
