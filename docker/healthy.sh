#!/bin/bash
# healthy.sh NAME [STATE...]: whether the process of that name has just said that it is in one of these states (open).
set -eu
file=/data/run/status/$1.json
shift
states=$(IFS='|'; echo "${*:-open}")
[ $(($(date +%s) - $(stat -c %Y "$file"))) -lt 60 ]
grep -qE "\"state\": \"($states)\"" "$file"
