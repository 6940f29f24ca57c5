#!/bin/bash
# PostgreSQL for the registry and the desk: the first start makes the cluster and both databases, whole or not at all.
set -eu
data=/data/postgres/main
if [ ! -s "$data/PG_VERSION" ]; then
  rm -rf "$data.part"
  initdb --pgdata "$data.part" --username clearhold --pwfile /run/secrets/postgres_password --encoding UTF8 --locale C.UTF-8 \
    --auth-local trust --auth-host scram-sha-256
  echo "host all all all scram-sha-256" >> "$data.part/pg_hba.conf"
  for name in registry desk; do
    postgres --single -D "$data.part" postgres <<< "create database $name"
  done
  mv "$data.part" "$data"
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp -c shared_buffers=64MB -c max_connections=100
