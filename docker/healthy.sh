#!/bin/bash
# healthy.sh NAME [STATE...]: whether the process of that name has just said that it is in one of these states (open), and said so
# in this container: the one before may have left its word.
set -eu
file=/data/run/status/$1.json
shift
states=$(IFS='|'; echo "${*:-open}")
age=$(($(date +%s) - $(stat -c %Y "$file")))
[ "$age" -lt 60 ]
[ "$age" -le "$(ps -o etimes= -p 1)" ]
grep -qE "\"state\": \"($states)\"" "$file"
