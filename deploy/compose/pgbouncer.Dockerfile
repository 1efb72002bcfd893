# PgBouncer as Debian ships it, which is the one that the server is tested with.
FROM debian:12.12-slim
RUN apt-get update \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends pgbouncer \
	&& rm -rf /var/lib/apt/lists/*
USER postgres
# Who may come in, and with which password PgBouncer goes on, is in a file of memory.
ENTRYPOINT ["bash", "-euc", "printf '\"purescim\" \"%s\"\\n' \"${POSTGRES_PASSWORD//\\\"/\\\"\\\"}\" >/run/pgbouncer/users.txt && exec pgbouncer \"$0\""]
CMD ["/etc/pgbouncer/pgbouncer.ini"]
